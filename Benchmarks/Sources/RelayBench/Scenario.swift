#if os(Linux)
  import ArgumentParser

  /// The scenarios that can be measured.
  enum Scenario: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
    case connect, broadcast, burst
    case privateSingle = "private-1"
    case privateMany = "private-64"
    case orderbook, peerlist, frozen, leave, idle, proofs
    /// Restarts the node, so only `compare` can run it.
    case restart
  }

  /// The sizes of the scenarios.
  struct Sizes: Sendable {
    var peers = 1000
    /// Public lines per second over all senders, and the duration in seconds.
    var rate = 10
    var seconds = 5
    var senders = 10
    var burstLines = 1000
    var bursts = 3
    var pairs = 50
    var linesPerPair = 1000
    var makers = 1000
    var asks = 5
    var answerBytes = 500
    var listMakers = 3000
    var lists = 20
    var frozenPeers = 200
    var frozenPercent = 10
    var frozenMegabytes = 20
    /// Lines per second while readers are frozen, in batches of 10 ms.
    var frozenRate = 5000
    var watchers = 100
    /// Connections of the proof scenario, one after the other.
    var connections = 1000
    var idlePeers = 15_000
    var idleSeconds = 5

    /// Describes why the sizes cannot be run; nil if they can.
    var fault: String? {
      let groups = [
        ("--peers", peers), ("--pairs", pairs * 2), ("--makers", makers + 1),
        ("--list-makers", listMakers + lists), ("--frozen-peers", frozenPeers),
        ("--idle-peers", idlePeers), ("--peers and --watchers", peers + watchers),
      ]
      for (name, n) in groups where n > Generator.mostPeers {
        return "\(name): \(n) connections; one process holds at most \(Generator.mostPeers)"
      }
      let positive = [
        ("--rate", rate), ("--seconds", seconds), ("--senders", senders), ("--bursts", bursts),
        ("--pairs", pairs), ("--lines-per-pair", linesPerPair), ("--makers", makers),
        ("--asks", asks), ("--list-makers", listMakers), ("--lists", lists),
        ("--frozen-megabytes", frozenMegabytes), ("--watchers", watchers),
        ("--idle-peers", idlePeers), ("--idle-seconds", idleSeconds),
      ]
      for (name, n) in positive where n < 1 { return "\(name): must be at least 1" }
      if peers <= senders { return "--peers: must be more than --senders (\(senders))" }
      if burstLines < senders { return "--burst-lines: must be at least --senders (\(senders))" }
      if frozenPeers < senders * 2 { return "--frozen-peers: must be at least twice --senders" }
      if frozenRate < 100 * senders { return "--frozen-rate: must be at least 100 × --senders" }
      if frozenPercent < 1 || frozenPercent > 50 { return "--frozen-percent: 1 to 50" }
      if answerBytes < Lines.smallest || answerBytes > Lines.largest {
        return "--answer-bytes: \(Lines.smallest) to \(Lines.largest)"
      }
      return nil
    }
  }

  /// Runs scenarios against one node. Each scenario has its own peers, and waits until the node is
  /// idle before it measures.
  struct Runner {
    let target: Target
    let sizes: Sizes

    func run(_ scenario: Scenario) throws(BenchError) -> [Measurement] {
      try settle()
      switch scenario {
      case .connect: return try connect()
      case .broadcast: return try broadcast()
      case .burst: return try burst()
      case .privateSingle: return try privateLines(.privateSingle, inFlight: 1)
      case .privateMany: return try privateLines(.privateMany, inFlight: 64)
      case .orderbook: return try orderbook()
      case .peerlist: return try peerlist()
      case .frozen: return try frozen()
      case .leave: return try leave()
      case .idle: return try idle()
      case .proofs: return try proofs()
      case .restart: throw BenchError("only `compare` restarts a node")
      }
    }

    func settle() throws(BenchError) {
      if let process = target.process {
        try process.settle()
      } else {
        Clock.sleep(milliseconds: 200)
      }
    }
  }

  /// Measures elapsed time and the node's CPU time.
  struct Stretch {
    private let process: ServerProcess?
    private let start = Clock.now()
    private let cpuAtStart: Int64

    init(_ target: Target) throws(BenchError) {
      process = target.process
      cpuAtStart = try process?.cpu() ?? 0
    }

    var nanoseconds: Int64 { Clock.now() - start }
    var seconds: Double { Double(nanoseconds) / 1e9 }

    /// Returns the node's CPU time since the start in nanoseconds; nil if its process is unknown.
    func cpu() throws(BenchError) -> Int64? {
      guard let process else { return nil }
      return try process.cpu() - cpuAtStart
    }
  }

  /// Collects the figures of one scenario.
  struct Figures {
    let scenario: Scenario
    private(set) var all: [Measurement] = []

    init(_ scenario: Scenario) { self.scenario = scenario }

    mutating func add(_ name: String, _ value: Double, _ unit: String) {
      all.append(Measurement(scenario: scenario.rawValue, name: name, value: value, unit: unit))
    }

    /// Adds the CPU time per operation, in microseconds.
    mutating func addCPU(_ name: String, _ nanoseconds: Int64?, per operations: Int) {
      guard let nanoseconds, operations > 0 else { return }
      add(name, Double(nanoseconds) / 1e3 / Double(operations), "µs")
    }

    mutating func addLatency(_ sample: [Int64]) {
      for (name, p) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
        add(name, Double(Spread.percentile(p, of: sample)) / 1e6, "ms")
      }
    }
  }
#endif
