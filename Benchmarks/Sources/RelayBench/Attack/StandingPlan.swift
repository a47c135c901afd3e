#if os(Linux)
  /// Attacks (b), (c), (d), (g) and (h): many peers join. Then all send what the burst limits allow
  /// at once, and continue at the allowed rate.
  final class StandingPlan: AttackPlan {
    /// Peers with the same behaviour.
    struct Group: Sendable {
      var count: Int
      var perCircuit = ChurnPlan.perCircuit
      var features = AttackLines.Features.usual
      var servesOnion = false
      /// Bytes a second; 0: no limit.
      var readRate = 0
      var burst: Burst = .nothing
      /// Whether it reconnects when the relay closes it.
      var returns = false
    }

    enum Burst: Sendable {
      case nothing
      case orderbooks
      /// 120 at once, then one every two seconds.
      case publicLines(bytes: Int)
      /// One at once, then one every ten seconds.
      case list
    }

    /// The bursts that the relay's default limits allow one peer.
    static let orderbookBurst = 6
    static let publicBurst = 120

    let pool: PeerPool
    var report = AttackReport()
    private let names: Names
    private let groups: [Group]
    private let circuits: [UInt32]
    private let groupOfSlot: [Int]
    private var next = 0
    private var returning: [Int] = []
    private var giveUpAt: Int64?
    private var publicLines: Schedule?
    private var lists: Schedule?
    private var returns: Schedule?

    static func groups(of attack: Attack, _ options: AttackerOptions) -> [Group] {
      func part(_ count: Int) -> Int { max(1, count / options.scale) }
      switch attack {
      case .orderbooks: return [Group(count: part(5000), burst: .orderbooks)]
      case .publicBursts: return [Group(count: part(5000), burst: .publicLines(bytes: 300))]
      case .largeLines:
        return [Group(count: 10, perCircuit: 1, burst: .publicLines(bytes: 65_536))]
      case .fullPlaces: return [Group(count: options.places, returns: true)]
      case .lists:
        return [
          Group(count: part(9000), features: .longest, servesOnion: true, burst: .list)
        ]
      case .slowReaders:
        return [
          Group(count: part(3000), readRate: 1000),
          Group(count: 20, perCircuit: 1, burst: .publicLines(bytes: 4096)),
        ]
      default: return []
      }
    }

    init(_ path: String, _ options: AttackerOptions, groups: [Group]) throws(BenchError) {
      names = options.names
      self.groups = groups
      var circuits: [UInt32] = []
      var members: [Int] = []
      var first = 0
      for (number, group) in groups.enumerated() {
        for peer in 0..<group.count {
          circuits.append(options.names.attackerCircuit(first + peer / group.perCircuit))
          members.append(number)
        }
        first += group.count / group.perCircuit + 1
      }
      self.circuits = circuits
      groupOfSlot = members
      pool = try PeerPool(path, count: members.count)
      pool.owner = self
    }

    private func group(_ slot: Int) -> Group { groups[groupOfSlot[slot]] }

    // MARK: Joining

    private var underWay: Int {
      next - pool.readyCount - report.rejected - report.refused - report.closed
    }
    var isPrepared: Bool {
      next == pool.count && (underWay <= 0 || giveUpAt.map { Clock.now() > $0 } ?? false)
    }

    func prepare(at now: Int64) throws(BenchError) {
      while next < pool.count, underWay < 256 {
        guard try open(next) else { return }
        next += 1
      }
      if next == pool.count, giveUpAt == nil { giveUpAt = now + 5_000_000_000 }
    }

    private func open(_ slot: Int) throws(BenchError) -> Bool {
      let group = group(slot)
      let greeting = AttackLines.greeting(
        circuit: circuits[slot], nick: names.attackerNick(slot),
        location: group.servesOnion ? names.attackerOnion(slot) : AttackLines.noLocation,
        features: group.features)
      guard try pool.open(slot, greeting: greeting) else { return false }
      report.opened += 1
      return true
    }

    func accepted(_ slot: Int) {
      report.accepted += 1
      pool.slots[slot].readRate = group(slot).readRate
    }

    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {}

    func closed(_ slot: Int, by end: PeerPool.End) {
      report.ended(end)
      if group(slot).returns { returning.append(slot) }
    }

    // MARK: Attacking

    func begin(at now: Int64) {
      publicLines = Schedule(start: now + 2_000_000_000, perSecond: 0.5)
      lists = Schedule(start: now + 10_000_000_000, perSecond: 0.1)
      returns = Schedule(start: now, perSecond: 200)
      for slot in 0..<pool.count where pool.isReady(slot) {
        let nick = names.attackerNick(slot)
        switch group(slot).burst {
        case .nothing: break
        case .orderbooks:
          repeatLine(AttackLines.orderbook(from: nick), Self.orderbookBurst, from: slot)
        case .publicLines(let bytes):
          repeatLine(AttackLines.filler(from: nick, size: bytes), Self.publicBurst, from: slot)
        case .list: send(AttackLines.listRequest, from: slot)
        }
      }
    }

    private func repeatLine(_ line: [UInt8], _ count: Int, from slot: Int) {
      var burst: [UInt8] = []
      burst.reserveCapacity(line.count * count)
      for _ in 0..<count { burst += line }
      send(burst, from: slot, lines: count)
    }

    func step(at now: Int64) throws(BenchError) {
      if publicLines?.isDue(at: now) == true {
        for slot in 0..<pool.count where pool.isReady(slot) {
          guard case .publicLines(let bytes) = group(slot).burst else { continue }
          send(AttackLines.filler(from: names.attackerNick(slot), size: bytes), from: slot)
        }
      }
      if lists?.isDue(at: now) == true {
        for slot in 0..<pool.count where pool.isReady(slot) {
          if case .list = group(slot).burst { send(AttackLines.listRequest, from: slot) }
        }
      }
      while let slot = returning.last, returns?.isDue(at: now) == true {
        guard try open(slot) else { return }
        returning.removeLast()
      }
    }
  }
#endif
