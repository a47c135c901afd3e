/// The state of the relay in about a kilobyte of JSON, at /summary.json. The page and
/// `jm-directory-ctl top` request it every second or two and compute rates from its totals.

import Directory
import EventLoop
import Server
import Settings
import Units
import Wire

/// Keys and nesting are those of `/summary.json`.
package struct RelaySummary: Codable, Sendable, Equatable {
  package struct Count: Codable, Sendable, Equatable {
    package var name: String
    package var count: Int
  }

  package var version: String
  package var network: String
  /// Seconds since 1970. Another value means that the relay was restarted.
  package var startTime: Double
  package var uptime: Double
  package var healthy: Bool
  package var full: Bool
  /// The reasons why it is not healthy.
  package var faults: [String]
  /// The names of the limits in force.
  package var limiting: [String]
  /// When health, fullness or `limiting` last changed, in seconds since 1970, to ten seconds.
  package var stateSince: Double
  package var activePeers: Int
  package var passivePeers: Int
  package var verifiedPeers: Int
  /// Peers that have sent nothing for HEARTBEAT_IDLE_THRESHOLD.
  package var quietPeers: Int
  package var maxPeers: Int
  /// Tor circuits that hold a connection; `nil` without PROXY_PROTOCOL.
  package var circuits: Int?
  package var pending: Int
  package var maxPending: Int
  package var offers: Int
  package var peersWithOffers: Int
  /// Since the start.
  package var deliveries: Int
  package var framesReceived: Int
  package var framesSent: Int
  package var bytesReceived: Int
  package var bytesSent: Int
  package var connectionsOpened: Int
  var peerlists: Int
  /// Bytes that peers have not read.
  package var backlog: Int
  package var maxBacklog: Int
  package var largestBacklog: Int
  /// Peers with unread bytes.
  package var laggingPeers: Int
  /// Those with more than PEER_BACKLOG_SOFT to read.
  package var slowReaders: Int
  /// The 99th percentile of the loop lag of the last ten minutes, in milliseconds.
  package var lagP99: Double
  package var worstLag: Double
  package var cpuSeconds: Double
  package var memory: Int
  package var descriptors: Int
  package var maxDescriptors: Int
  /// Only reasons that have occurred since the start.
  package var closed: [Count]
  package var limits: [Count]
  package var dropped: [Count]
  package var rejected: [Count]

  /// Saturates: the numbers come from an endpoint and may be anything.
  package var peers: Int {
    let (sum, isTooLarge) = activePeers.addingReportingOverflow(passivePeers)
    return isTooLarge ? (activePeers < 0 ? .min : .max) : sum
  }
}

extension RelaySummary {
  package init(of status: RelayStatus, _ history: HistoryRecorder) {
    let node = status.node
    let counters = node.directory.counters
    let counts = status.peerCounts
    let health = status.health
    version = relayVersion
    network = node.directory.identity.network.rawValue
    startTime = status.startTime
    uptime = (node.loop.systemNow - node.startedAt).seconds
    healthy = health.isHealthy
    full = health.isFull
    faults = health.faults.map(\.rawValue)
    limiting = status.limitsInForce
    stateSince = status.stateSince
    activePeers = counts.active
    passivePeers = counts.passive
    verifiedPeers = counts.verified
    quietPeers = counts.quiet
    maxPeers = node.directory.limits.peers
    circuits = node.settings.proxyProtocol ? node.directory.registry.circuitCount : nil
    pending = node.directory.registry.pendingCount
    maxPending = node.directory.limits.pending
    offers = counts.offers
    peersWithOffers = counts.peersWithOffers
    deliveries = node.outbox.deliveries
    framesReceived = counters.received.total.frames
    framesSent = node.outbox.queued.total.frames
    bytesReceived = node.bytesIn
    bytesSent = node.outbox.bytesOut
    connectionsOpened = counters.connectionsOpened
    peerlists = counters.listsServed
    backlog = node.backlogs.total
    maxBacklog = node.backlogs.limits.total.bytes
    largestBacklog = node.backlogs.largest
    laggingPeers = node.backlogs.count
    slowReaders = node.backlogs.slowCount
    lagP99 = history.lagP99.seconds * 1_000
    worstLag = node.lag.worst.seconds * 1_000
    cpuSeconds = ProcessFigures.cpuSeconds
    memory = ProcessFigures.residentBytes ?? 0
    descriptors = status.openDescriptors
    maxDescriptors = ProcessFigures.mostDescriptors
    closed = Self.seen(counters.closed.all.map { ($0.key.rawValue, $0.count) })
    limits = Self.seen(status.limitHits)
    dropped = Self.seen(status.droppedFrames)
    rejected = Self.seen(counters.rejected.all.map { ($0.key.label, $0.count) })
  }

  private static func seen(_ counts: [(label: String, count: Int)]) -> [Count] {
    counts.filter { $0.count > 0 }.map { Count(name: $0.label, count: $0.count) }
  }

  /// All strings are constants that need no escaping.
  package var json: String {
    func list(_ counts: [Count]) -> String {
      let items = counts.map { "{\"name\": \"\($0.name)\", \"count\": \($0.count)}" }
      return "[" + items.joined(separator: ", ") + "]"
    }
    let words = { (list: [String]) in list.map { "\"\($0)\"" }.joined(separator: ", ") }
    return """
      {"version": "\(version)", "network": "\(network)", "startTime": \(startTime), \
      "uptime": \(uptime), "healthy": \(healthy), "full": \(full), \
      "faults": [\(words(faults))], "limiting": [\(words(limiting))], "stateSince": \(stateSince), \
      "activePeers": \(activePeers), "passivePeers": \(passivePeers), \
      "verifiedPeers": \(verifiedPeers), "quietPeers": \(quietPeers), "maxPeers": \(maxPeers), \
      \(circuits.map { "\"circuits\": \($0), " } ?? "")\
      "pending": \(pending), "maxPending": \(maxPending), \
      "offers": \(offers), "peersWithOffers": \(peersWithOffers), "deliveries": \(deliveries), \
      "framesReceived": \(framesReceived), "framesSent": \(framesSent), \
      "bytesReceived": \(bytesReceived), "bytesSent": \(bytesSent), \
      "connectionsOpened": \(connectionsOpened), "peerlists": \(peerlists), \
      "backlog": \(backlog), "maxBacklog": \(maxBacklog), "largestBacklog": \(largestBacklog), \
      "laggingPeers": \(laggingPeers), "slowReaders": \(slowReaders), \
      "lagP99": \(lagP99), "worstLag": \(worstLag), \
      "cpuSeconds": \(cpuSeconds), "memory": \(memory), \
      "descriptors": \(descriptors), "maxDescriptors": \(maxDescriptors), \
      "closed": \(list(closed)), \
      "limits": \(list(limits)), "dropped": \(list(dropped)), "rejected": \(list(rejected))}

      """
  }
}
