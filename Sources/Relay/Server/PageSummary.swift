/// The state of the relay in a few hundred bytes of JSON, at /summary.json: what the page and `jm-directory-ctl top` ask for every
/// second or two. Totals only. Rates are left to the reader, who knows when it asked last.

/// Keys and nesting are those of `/summary.json`.
public struct RelaySummary: Codable, Sendable, Equatable {
  public struct Count: Codable, Sendable, Equatable {
    public var name: String
    public var count: Int
  }

  public var version: String
  public var network: String
  /// Seconds since 1970; a new one says that the relay was restarted.
  public var startTime: Double
  public var uptime: Double
  public var healthy: Bool
  public var full: Bool
  /// Why it is not healthy.
  public var faults: [String]
  public var activePeers: Int
  public var passivePeers: Int
  public var verifiedPeers: Int
  public var maxPeers: Int
  public var pending: Int
  public var offers: Int
  public var peersWithOffers: Int
  /// Since the start.
  public var deliveries: Int
  public var framesReceived: Int
  public var framesSent: Int
  public var bytesReceived: Int
  public var bytesSent: Int
  public var connectionsOpened: Int
  public var peerlists: Int
  /// Bytes that peers have not read.
  public var backlog: Int
  public var largestBacklog: Int
  public var laggingPeers: Int
  /// 99 of 100 ticks of the last ten minutes came at most so late, in milliseconds.
  public var lagP99: Double
  public var worstLag: Double
  public var cpuSeconds: Double
  public var memory: Int
  /// Those that have come up, since the start.
  public var closed: [Count]
  public var limits: [Count]
  public var dropped: [Count]
  public var rejected: [Count]

  public var peers: Int { activePeers + passivePeers }
}

extension RelaySummary {
  init(of node: DirectoryNode, _ history: HistoryRecorder) {
    let counters = node.directory.counters
    let census = node.census
    let health = node.health
    version = relayVersion
    network = node.directory.identity.network.rawValue
    startTime = node.startTime
    uptime = (node.loop.now - node.startedAt).seconds
    healthy = health.isHealthy
    full = health.isFull
    faults = health.faults.map(\.rawValue)
    activePeers = census.active
    passivePeers = census.passive
    verifiedPeers = census.verified
    maxPeers = node.directory.limits.peers
    pending = node.directory.registry.newcomerCount
    offers = census.offers
    peersWithOffers = census.peersWithOffers
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
    cpuSeconds = MetricsProcess.cpuSeconds
    memory = MetricsProcess.residentBytes ?? 0
    closed = Self.seen(counters.closed.all.map { ($0.key.rawValue, $0.count) })
    limits = Self.seen(node.limitHits)
    dropped = Self.seen(node.droppedFrames)
    rejected = Self.seen(counters.rejected.all.map { ($0.key.label, $0.count) })
  }

  private static func seen(_ counts: [(label: String, count: Int)]) -> [Count] {
    counts.filter { $0.count > 0 }.map { Count(name: $0.label, count: $0.count) }
  }

  /// Every string in it is one of our own words and needs no escaping.
  var json: String {
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
