#if os(Linux)
  import Glibc

  /// The honest peers of a run, on one epoll: makers, takers, a watcher, makers whose nick is
  /// claimed (victims) and joiners. They do what JoinMarket's clients do: announce offers, answer
  /// `!orderbook` in private, answer PING, and talk in pairs.
  ///
  /// Every line that they send to each other has the stream, the number and the time of writing. A
  /// line is due at each honest peer that was connected when it was written, until it arrives.
  final class HonestPeers: PeerPoolOwner {
    enum Role { case maker, taker, watcher, victim, joiner }

    /// Returns whether the peer is established: an established peer has addressed it. This is the
    /// first half of the makers and of the takers. The others are strangers, like every new peer.
    func isEstablished(_ slot: Int) -> Bool {
      slot < (takers.contains(slot) ? takers : makers).middle
    }

    let sizes: HonestSizes
    let names: Names
    let makers: Range<Int>
    let takers: Range<Int>
    let watcher: Int
    let victims: Range<Int>
    let joiners: Range<Int>
    let pool: PeerPool
    var measures = Measures()
    var isMeasuring = false
    /// Joiners that are accepted later than this do not count: the attack is over.
    var attackEndedAt = Int64.max

    private let readRate: Int
    private let tail: [UInt8]
    let slotOfNick: [String: Int]
    var books: [Int: Book] = [:]
    var entries: [Int: Entry] = [:]
    /// Each maker's answer to `!orderbook`: the taker's nick and the stamp are written into it.
    var answers: [[UInt8]] = []
    /// The number of each peer's next line in public and in private.
    var nextPublic: [Int]
    var nextPrivate: [Int]
    /// The last number of each maker at each receiver in public, and the last number of each
    /// private sender.
    private var lastPublic: [UInt32]
    private var lastPrivate: [UInt32]
    private var circuits = 0
    /// Peers that have got the watcher's private line.
    private var spokenTo: Set<Int> = []

    /// An `!orderbook` of a taker, and the makers that have answered it.
    struct Book {
      var number: Int
      var askedAt: Int64
      var expected: Int
      var answered: Set<Int> = []
      var isComplete = false
    }

    /// The kind of a line. The stream field is its value plus the sender's slot.
    enum Kind: Int {
      case announcement = 0
      case answer = 10_000
      case conversation = 20_000
    }

    init(
      path: String, names: Names, sizes: HonestSizes, attack: Attack, reference: Attack.Reference
    ) throws(BenchError) {
      self.sizes = sizes
      self.names = names
      readRate = reference.readRate
      tail = names.honestTail
      makers = 0..<sizes.makers
      takers = makers.upperBound..<(makers.upperBound + sizes.takers)
      watcher = takers.upperBound
      let victimCount = attack == .theft ? Attack.victimRates.count : 0
      victims = (watcher + 1)..<(watcher + 1 + victimCount)
      let joinerCount = attack.hasJoiners ? sizes.joiners : 0
      joiners = victims.upperBound..<(victims.upperBound + joinerCount)
      let count = joiners.upperBound
      nextPublic = Array(repeating: 1, count: count)
      nextPrivate = Array(repeating: 1, count: count)
      lastPublic = Array(repeating: 0, count: count * count)
      lastPrivate = Array(repeating: 0, count: count)
      let nicks = (0..<count).map { (names.honestNick($0), $0) }
      slotOfNick = Dictionary(uniqueKeysWithValues: nicks)
      pool = try PeerPool(path, count: count)
      pool.owner = self
      answers = makers.map { makeAnswer($0) }
    }

    /// The peers that join before the attack.
    var standing: Range<Int> { 0..<joiners.lowerBound }
    /// The receivers whose public lines are counted. Victims are left out because they read too
    /// slowly.
    var counted: Range<Int> { 0..<victims.lowerBound }

    func role(_ slot: Int) -> Role {
      if makers.contains(slot) { return .maker }
      if takers.contains(slot) { return .taker }
      if victims.contains(slot) { return .victim }
      return slot == watcher ? .watcher : .joiner
    }

    // MARK: Connecting

    /// Connects all peers except the joiners.
    func connect() throws(BenchError) {
      let deadline = Clock.now() + 30_000_000_000
      var next = 0
      while pool.readyCount < standing.count {
        while next < standing.count, next - pool.readyCount < 64 {
          guard try open(next) else { break }
          next += 1
        }
        try pool.turn(atMost: 5)
        guard Clock.now() < deadline else {
          throw BenchError("\(pool.readyCount) of \(standing.count) honest peers came in in 30 s")
        }
      }
      // `STRANGER_TIME` is still 0, so the watcher is established and its lines establish the
      // receivers.
      let old = (0..<takers.upperBound).filter(isEstablished)
      for slot in old { pool.send(hello(to: slot), from: watcher) }
      while spokenTo.count < old.count {
        try pool.turn(atMost: 5)
        guard Clock.now() < deadline else { throw BenchError("honest peers hear nothing") }
      }
      for (slot, rate) in zip(victims, Attack.victimRates) { pool.slots[slot].readRate = rate }
    }

    private func hello(to slot: Int) -> [UInt8] {
      Lines.frame(685, "\(names.honestNick(watcher))!\(names.honestNick(slot))!hello")
    }

    func open(_ slot: Int) throws(BenchError) -> Bool {
      let servesOnion = role(slot) != .taker && role(slot) != .watcher
      let greeting = AttackLines.greeting(
        circuit: names.honestCircuit(circuits), nick: names.honestNick(slot),
        location: servesOnion ? names.honestOnion(slot) : AttackLines.noLocation)
      guard try pool.open(slot, greeting: greeting, readRate: readRate) else { return false }
      circuits += 1
      return true
    }

    func accepted(_ slot: Int) {
      switch role(slot) {
      case .maker, .victim: pool.send(AttackLines.offer(from: names.honestNick(slot)), from: slot)
      case .taker, .watcher: pool.send(AttackLines.listRequest, from: slot)
      case .joiner:
        entries[slot]?.acceptedAt = Clock.now()
        pool.send(AttackLines.offer(from: names.honestNick(slot)), from: slot)
      }
    }

    func closed(_ slot: Int, by end: PeerPool.End) {
      if role(slot) == .joiner, entries[slot]?.acceptedAt == nil {
        measures.refusals += 1
        entries[slot]?.retryAt = Clock.now() + 1_000_000_000
      } else if role(slot) == .victim {
        measures.victimsClosed += 1
      } else {
        measures.closed += 1
      }
    }

    // MARK: Receiving

    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {
      guard type == 685 || type == 687, slot < victims.lowerBound else { return }
      if let part = Lines.measuredPart(line, n) {
        if isHonest(line) { count(line + part, at: slot) }
      } else if type == 687, makers.contains(slot), Lines.contains(line, n, "!PUBLIC!orderbook") {
        if isMeasuring { measures.orderbooks += 1 }
        answer(line, as: slot)
      } else if type == 685 {
        spokenTo.insert(slot)
      }
    }

    /// Whether the sender's nick has the ending of all honest nicks. The line must have a sender.
    func isHonest(_ line: UnsafeMutablePointer<UInt8>) -> Bool {
      let end = line + Self.senderOffset + 16
      return tail.withUnsafeBytes { tail in
        tail.baseAddress.map { memcmp(end - tail.count, $0, tail.count) == 0 } ?? false
      }
    }

    private func count(_ part: UnsafeMutablePointer<UInt8>, at slot: Int) {
      let stream = Int(Lines.number(part, 5))
      let number = UInt32(truncatingIfNeeded: Lines.number(part + 6, 10))
      let took = Clock.now() - Lines.number(part + 17, 19)
      let sender = stream % 10_000
      guard sender < joiners.lowerBound else { return }
      switch Kind(rawValue: stream - sender) {
      case .announcement:
        guard number > lastPublic[slot * pool.count + sender] else { return measures.noteWrong() }
        lastPublic[slot * pool.count + sender] = number
        measures.public.arrived()
        if isEstablished(sender) {
          measures.establishedPublic.append(took)
        } else {
          measures.freshPublic.append(took)
        }
      case .conversation:
        guard number > lastPrivate[sender] else { return measures.noteWrong() }
        lastPrivate[sender] = number
        measures.private.arrived(took)
      case .answer:
        measures.private.arrived(took)
        guard books[slot]?.number == Int(number) else { return }
        books[slot]?.answered.insert(sender)
        noteBook(slot)
      case nil: measures.noteWrong()
      }
    }

    private func noteBook(_ taker: Int) {
      guard let book = books[taker], !book.isComplete, book.answered.count >= book.expected else {
        return
      }
      books[taker]?.isComplete = true
      measures.books.append(Double(Clock.now() - book.askedAt) / 1e9)
    }
  }

  extension Range<Int> {
    /// The first number of the second half. With an odd count, the second half is smaller.
    var middle: Int { lowerBound + (count + 1) / 2 }
  }
#endif
