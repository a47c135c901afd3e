#if os(Linux)
  /// Attacks (a) and (f): each connection joins under a new nick, sends all that the limits allow,
  /// leaves with a DISCONNECT and reconnects, as fast as the relay allows. Each circuit has eight
  /// connections, the most that `MAX_PEERS_PER_CIRCUIT` allows.
  final class ChurnPlan: AttackPlan {
    let pool: PeerPool
    var report = AttackReport()
    let isPrepared = true
    private let names: Names
    private let announces: Bool
    private var joins = 0
    private var free: [Int]
    private var checkAt: Int64 = 0
    static let perCircuit = 8
    /// The time after which an open connection is closed and opened anew, in nanoseconds.
    private static let timeout: Int64 = 2_000_000_000

    init(
      _ path: String, _ options: AttackerOptions, circuits: Int, announces: Bool
    ) throws(BenchError) {
      names = options.names
      self.announces = announces
      let count = max(1, circuits / options.scale) * Self.perCircuit
      free = Array((0..<count).reversed())
      pool = try PeerPool(path, count: count)
      pool.owner = self
    }

    func prepare(at now: Int64) {}
    func begin(at now: Int64) throws(BenchError) { try fill() }

    func step(at now: Int64) throws(BenchError) {
      try fill()
      guard now >= checkAt else { return }
      checkAt = now + 100_000_000
      for slot in 0..<pool.count
      where !pool.isFree(slot) && now - pool.slots[slot].openedAt > Self.timeout {
        pool.close(slot)
        free.append(slot)
      }
    }

    private func fill() throws(BenchError) {
      var left = 256
      while left > 0, let slot = free.last {
        let nick = names.attackerNick(joins)
        let greeting = AttackLines.greeting(
          circuit: names.attackerCircuit(slot / Self.perCircuit), nick: nick,
          location: announces ? names.attackerOnion(joins) : AttackLines.noLocation,
          features: announces ? .longest : .usual)
        guard try pool.open(slot, greeting: greeting) else { return }
        nicks[slot] = joins
        joins += 1
        free.removeLast()
        report.opened += 1
        left -= 1
      }
    }

    private var nicks: [Int: Int] = [:]

    func accepted(_ slot: Int) {
      report.accepted += 1
      guard let join = nicks[slot] else { return }
      let nick = names.attackerNick(join)
      if announces {
        send(AttackLines.offer(from: nick) + AttackLines.disconnect, from: slot, lines: 1)
      } else {
        let question = AttackLines.orderbook(from: nick)
        var burst: [UInt8] = []
        for _ in 0..<StandingPlan.orderbookBurst { burst += question }
        send(burst + AttackLines.disconnect, from: slot, lines: StandingPlan.orderbookBurst)
      }
    }

    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {}

    func closed(_ slot: Int, by end: PeerPool.End) {
      // After the handshake, the attacker's own DISCONNECT has ended it.
      if end != .afterHandshake { report.ended(end) }
      free.append(slot)
    }
  }
#endif
