#if os(Linux)
  /// Attack (e): connections that hold a pending place. They send nothing, or they send a handshake
  /// and never the requested proof. Each circuit is new and has eight connections.
  final class PendingPlan: AttackPlan {
    let pool: PeerPool
    var report = AttackReport()
    private let names: Names
    private let owesProof: Bool
    private var free: [Int]
    private var schedule = Schedule(start: 0, perSecond: 1)
    /// `MAX_PENDING` of the relay.
    private static let places = 2500
    private static let perSecond = 200.0
    private static let atOnce = 8000

    init(_ path: String, _ options: AttackerOptions, owesProof: Bool) throws(BenchError) {
      names = options.names
      self.owesProof = owesProof
      free = Array((0..<Self.atOnce).reversed())
      pool = try PeerPool(path, count: Self.atOnce)
      pool.owner = self
    }

    var isPrepared: Bool { report.opened >= Self.places }

    func prepare(at now: Int64) throws(BenchError) {
      for _ in 0..<50 where !isPrepared { guard try open() else { return } }
    }

    func begin(at now: Int64) { schedule = Schedule(start: now, perSecond: Self.perSecond) }

    func step(at now: Int64) throws(BenchError) {
      while schedule.isDue(at: now) { guard try open() else { return } }
    }

    private func open() throws(BenchError) -> Bool {
      guard let slot = free.last else { return false }
      let circuit = names.attackerCircuit(report.opened / ChurnPlan.perCircuit)
      let greeting =
        owesProof
        ? AttackLines.greeting(
          circuit: circuit, nick: names.attackerNick(report.opened),
          location: AttackLines.noLocation, features: .provable)
        : Array(AttackLines.proxy(circuit: circuit).utf8)
      guard try pool.open(slot, greeting: greeting) else { return false }
      free.removeLast()
      report.opened += 1
      return true
    }

    func accepted(_ slot: Int) { report.accepted += 1 }
    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {}

    func closed(_ slot: Int, by end: PeerPool.End) {
      report.ended(end)
      free.append(slot)
    }
  }
#endif
