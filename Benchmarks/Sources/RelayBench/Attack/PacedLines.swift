#if os(Linux)
  import ArgumentParser
  import Glibc

  /// A process with two honest peers of the relay and two of the floor. Each pair exchanges a
  /// private line every 20 ms. The floor does the least that a directory can, so the comparison
  /// separates delays of the relay from delays of the machine. The process does nothing else.
  struct PacedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "paced", abstract: "The measured pairs of `attack`.", shouldDisplay: false)

    @Option var relay: String
    @Option var floor: String
    @Option var seed: UInt64
    @Option var seconds: Int

    func run() throws {
      Interruption.watch()
      let lines = try PacedLines(relay: relay, floor: floor, names: Names(seed: seed))
      try lines.connect()
      Report.put(Helper.ready, to: 1)
      try lines.run(for: Int64(seconds) * 1_000_000_000)
      Report.put(try JSON.text(lines.report), to: 1)
    }
  }

  /// The latencies of the pairs: nanoseconds from writing to reading, in the order of arrival.
  struct PacedReport: Codable, Sendable {
    var relay: [Int64] = []
    var floor: [Int64] = []
  }

  final class PacedLines: PeerPoolOwner {
    /// Lines a second of each pair: half of what `MESSAGE_RATE_LIMIT` allows.
    static let perSecond = 50.0
    private static let lineBytes = 400
    /// The first of the numbers that no other honest peer of a run has.
    private static let firstNumber = 20_000

    private let names: Names
    private let pool: PeerPool
    private let floor: String
    private(set) var report = PacedReport()

    /// The sender and the receiver of the relay's pair, then those of the floor's.
    private static let relayPair = 0..<2
    private static let floorPair = 2..<4

    init(relay: String, floor: String, names: Names) throws(BenchError) {
      self.names = names
      self.floor = floor
      pool = try PeerPool(relay, count: 4)
      pool.owner = self
    }

    private func nick(_ slot: Int) -> String { names.honestNick(Self.firstNumber + slot) }

    func connect() throws(BenchError) {
      let deadline = Clock.now() + 30_000_000_000
      var next = 0
      while pool.readyCount < pool.count {
        while next < pool.count, try open(next) { next += 1 }
        try pool.turn(atMost: 5)
        guard Clock.now() < deadline else { throw BenchError("paced: no connection in 30 s") }
      }
    }

    private func open(_ slot: Int) throws(BenchError) -> Bool {
      if Self.floorPair.contains(slot) {
        let greeting = Lines.handshake(
          nick: nick(slot), location: AttackLines.noLocation, network: "regtest")
        return try pool.open(slot, greeting: greeting, at: floor)
      }
      return try pool.open(
        slot,
        greeting: AttackLines.greeting(
          circuit: names.honestCircuit(Self.firstNumber + slot), nick: nick(slot),
          location: AttackLines.noLocation))
    }

    func run(for nanoseconds: Int64) throws(BenchError) {
      let start = Clock.now()
      let half = Int64(0.5e9 / Self.perSecond)
      var relay = Schedule(start: start, perSecond: Self.perSecond)
      var floor = Schedule(start: start + half, perSecond: Self.perSecond)
      while Clock.now() < start + nanoseconds {
        if relay.isDue(at: Clock.now()) { speak(Self.relayPair, number: relay.count) }
        if floor.isDue(at: Clock.now()) { speak(Self.floorPair, number: floor.count) }
        try pool.turn(atMost: 1)
      }
      // Waits up to a second for the last lines.
      let end = Clock.now() + 1_000_000_000
      while report.relay.count + report.floor.count < relay.count + floor.count, Clock.now() < end {
        try pool.turn(atMost: 1)
      }
    }

    private func speak(_ pair: Range<Int>, number: Int) {
      let line = HonestPeers.stamped(
        685, from: nick(pair.lowerBound), to: nick(pair.upperBound - 1), stream: 0,
        number: number, size: Self.lineBytes)
      pool.send(line, from: pair.lowerBound)
    }

    func accepted(_ slot: Int) {}

    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {
      guard type == 685, let part = Lines.measuredPart(line, n) else { return }
      let took = Clock.now() - Lines.number(line + part + 17, 19)
      if Self.relayPair.contains(slot) {
        report.relay.append(took)
      } else {
        report.floor.append(took)
      }
    }

    func closed(_ slot: Int, by end: PeerPool.End) {}
  }
#endif
