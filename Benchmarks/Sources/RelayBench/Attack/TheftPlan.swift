#if os(Linux)
  /// Attack (i): a flood of public lines, then a claim of the nick of a maker that reads slowly.
  /// The relay's probe to the maker then follows the flood in the maker's backlog.
  final class TheftPlan: AttackPlan {
    let pool: PeerPool
    var report = AttackReport()
    private let names: Names
    private let victims: Range<Int>
    private var claimAt: [Int64?]
    private var stolen: Set<Int> = []
    private var isOpen = false
    private static let flooder = 0
    private static let floodLines = 60
    private static let floodLineBytes = 39_000

    init(_ path: String, _ options: AttackerOptions) throws(BenchError) {
      names = options.names
      victims = options.victims
      claimAt = Array(repeating: nil, count: options.victims.count)
      pool = try PeerPool(path, count: 1 + options.victims.count)
      pool.owner = self
    }

    var isPrepared: Bool { pool.isReady(Self.flooder) }

    func prepare(at now: Int64) throws(BenchError) {
      guard pool.isFree(Self.flooder) else { return }
      let greeting = AttackLines.greeting(
        circuit: names.attackerCircuit(0), nick: names.attackerNick(0),
        location: AttackLines.noLocation)
      if try pool.open(Self.flooder, greeting: greeting) { report.opened += 1 }
    }

    func begin(at now: Int64) {
      let line = AttackLines.filler(from: names.attackerNick(0), size: Self.floodLineBytes)
      for _ in 0..<Self.floodLines { send(line, from: Self.flooder) }
      for victim in claimAt.indices { claimAt[victim] = now + 1_000_000_000 }
    }

    func step(at now: Int64) throws(BenchError) {
      for (number, due) in claimAt.enumerated() {
        guard let due, now >= due, pool.isFree(number + 1) else { continue }
        // The victim's nick without a location: the attacker wants the victim's private lines.
        let greeting = AttackLines.greeting(
          circuit: names.attackerCircuit(number + 1),
          nick: names.honestNick(victims.lowerBound + number), location: AttackLines.noLocation)
        guard try pool.open(number + 1, greeting: greeting) else { return }
        report.opened += 1
        claimAt[number] = nil
      }
    }

    func accepted(_ slot: Int) {
      report.accepted += 1
      if slot != Self.flooder, stolen.insert(slot).inserted { report.stolen += 1 }
    }

    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {}

    /// Retries a refused claim a second later.
    func closed(_ slot: Int, by end: PeerPool.End) {
      report.ended(end)
      if slot != Self.flooder { claimAt[slot - 1] = Clock.now() + 1_000_000_000 }
    }
  }
#endif
