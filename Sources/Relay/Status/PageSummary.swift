/// The state of the relay in a few hundred bytes of JSON, at /summary.json: what the page and `jm-directory-ctl top` ask for every
/// second or two. Totals only. Rates are left to the reader, who knows when it asked last.

import Server
import Units

/// Keys and nesting are those of `/summary.json`.
package struct RelaySummary: Codable, Sendable, Equatable {
  package struct Count: Codable, Sendable, Equatable {
    package var name: String
    package var count: Int
  }

  package var version: String
  package var network: String
  /// Seconds since 1970; a new one says that the relay was restarted.
  package var startTime: Double
  package var uptime: Double
  package var healthy: Bool
  package var full: Bool
  /// Why it is not healthy.
  package var faults: [String]
  package var activePeers: Int
  package var passivePeers: Int
  package var verifiedPeers: Int
  package var maxPeers: Int
  package var pending: Int
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
  package var largestBacklog: Int
  package var laggingPeers: Int
  /// 99 of 100 ticks of the last ten minutes came at most so late, in milliseconds.
  package var lagP99: Double
  package var worstLag: Double
  package var cpuSeconds: Double
  package var memory: Int
  /// Those that have come up, since the start.
  package var closed: [Count]
  package var limits: [Count]
  package var dropped: [Count]
  package var rejected: [Count]

  /// As large as it gets when the numbers, which an endpoint may have made up, are too large for a sum.
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
    activePeers = counts.active
    passivePeers = counts.passive
    verifiedPeers = counts.verified
    maxPeers = node.directory.limits.peers
    pending = node.directory.registry.pendingCount
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
    largestBacklog = node.backlogs.largest
    laggingPeers = node.backlogs.count
    lagP99 = history.lagP99.seconds * 1_000
    worstLag = node.lag.worst.seconds * 1_000
    cpuSeconds = ProcessFigures.cpuSeconds
    memory = ProcessFigures.residentBytes ?? 0
    closed = Self.seen(counters.closed.all.map { ($0.key.rawValue, $0.count) })
    limits = Self.seen(status.limitHits)
    dropped = Self.seen(status.droppedFrames)
    rejected = Self.seen(counters.rejected.all.map { ($0.key.label, $0.count) })
  }

  private static func seen(_ counts: [(label: String, count: Int)]) -> [Count] {
    counts.filter { $0.count > 0 }.map { Count(name: $0.label, count: $0.count) }
  }

  /// Every string in it is one of our own words and needs no escaping.
  package var json: String {
    func list(_ counts: [Count]) -> String {
      let items = counts.map { "{\"name\": \"\($0.name)\", \"count\": \($0.count)}" }
      return "[" + items.joined(separator: ", ") + "]"
    }
    return """
      {"version": "\(version)", "network": "\(network)", "startTime": \(startTime), \
      "uptime": \(uptime), "healthy": \(healthy), "full": \(full), \
      "faults": [\(faults.map { "\"\($0)\"" }.joined(separator: ", "))], \
      "activePeers": \(activePeers), "passivePeers": \(passivePeers), \
      "verifiedPeers": \(verifiedPeers), "maxPeers": \(maxPeers), "pending": \(pending), \
      "offers": \(offers), "peersWithOffers": \(peersWithOffers), "deliveries": \(deliveries), \
      "framesReceived": \(framesReceived), "framesSent": \(framesSent), \
      "bytesReceived": \(bytesReceived), "bytesSent": \(bytesSent), \
      "connectionsOpened": \(connectionsOpened), "peerlists": \(peerlists), \
      "backlog": \(backlog), "largestBacklog": \(largestBacklog), \
      "laggingPeers": \(laggingPeers), "lagP99": \(lagP99), "worstLag": \(worstLag), \
      "cpuSeconds": \(cpuSeconds), "memory": \(memory), "closed": \(list(closed)), \
      "limits": \(list(limits)), "dropped": \(list(dropped)), "rejected": \(list(rejected))}

      """
  }
}
