/// Runs the directory and the reference directory, and compares them after every step.
import NickKeys
import Units

@testable import Directory
@testable import Identity
@testable import Wire

final class ModelWorld {
  private let harness: DirectoryHarness
  private var plain: ReferenceDirectory
  private var ids: [Int: PeerID] = [:]
  private var numbers: [PeerID: Int] = [:]
  /// The lines of the handshakes, by connection.
  private var handshakes: [Int: String] = [:]
  private var opened = 0
  private var seenClosed = 0
  /// The connections that are open in the reference directory.
  private var alive: [Int] = []

  private static let rates: [[(Int, Int64, Int)]] = [
    // count, per seconds, burst: messages, public lines, order book requests, lists
    [(100, 1, 1_000), (30, 60, 120), (6, 60, 6), (6, 60, 6)],
    [(2, 1, 5), (30, 60, 3), (6, 60, 1), (6, 60, 2)],
    [(0, 1, 0), (0, 60, 0), (0, 60, 0), (0, 60, 0)],
    [(1, 1, 20), (0, 60, 5), (30, 60, 2), (0, 60, 1)],
  ]

  init(seed: UInt64) {
    let rates = Self.rates[Int(seed % 4)]
    let location = seed % 3 == 0 ? "relay.test:5222" : nil
    var limits = Limits()
    limits.peers = 9
    limits.pending = 4
    limits.peersPerCircuit = 3
    let made = rates.map { Rate(count: $0.0, per: .seconds($0.1), burst: $0.2) }
    limits.messages = made[0]
    limits.publicFrames = made[1]
    limits.orderbookRequests = made[2]
    limits.peerlistRequests = made[3]
    limits.publicBytes = Rate(count: 60_000, per: .seconds(60), burst: 240_000)
    limits.fanout = .unlimited
    if seed % 7 == 3 {
      limits.fanout = FanOutBudget.Limits(deliveries: 4, bytes: 0, orderbookRequests: 8)
      limits.waiting.perFlow = ByteCount(900)
    }
    harness = DirectoryHarness(
      location: location, limits: limits,
      slotsPerPage: [1, 3, PeerlistCache.defaultSlotsPerPage][Int(seed / 12 % 3)])
    plain = ReferenceDirectory(
      rates: rates.map {
        ($0.0 == 0 ? 0 : $0.1 * ReferenceDirectory.second / Int64($0.0), Int64($0.2))
      }, maxPeers: 9, maxPending: 4, maxPerCircuit: 3, maxViolations: 0, location: location,
      bytesRate: (ReferenceDirectory.second / 1_000, 240_000),
      now: harness.now.nanoseconds)
    plain.proofs = [.unknown, .preferred, .preferred, .required][Int(seed / 5 % 4)]
    if plain.proofs != .unknown { askForProofs() }
    if seed % 7 == 3 { plain.publicLines.limit(deliveries: 4, requests: 8, room: 900) }
  }

  /// Enables proofs of nicks, with nonces that count up.
  private func askForProofs() {
    harness.directory.policy = DirectoryID(ReferenceDirectory.directoryID).map {
      NickPolicy(directoryID: $0)
    }
    harness.directory.requiresProof = plain.proofs == .required
    var count: UInt8 = 0
    harness.directory.proofs.newNonce = {
      count &+= 1
      return Bytes32([UInt8](repeating: count, count: 32)) ?? .random()
    }
  }

  /// - Returns: the difference after this step, nil if there is none.
  func perform(_ step: ModelStep) -> String? {
    move(1)
    plain.received.removeAll()
    plain.closed.removeAll()
    let fault: String?
    if step.kind == .time {
      fault = pass(step.milliseconds)
    } else {
      fault = act(step) ?? compare(exactly: true, claimants: [])
    }
    return fault ?? plain.faults.first ?? compareStates()
  }

  private func move(_ milliseconds: Int) {
    harness.skip(.milliseconds(milliseconds))
    plain.now += Int64(milliseconds) * 1_000_000
  }

  // MARK: Steps

  private func act(_ step: ModelStep) -> String? {
    if step.kind == .connect { return connect() }
    if step.kind == .limits { return limit(step) }
    if step.kind == .stop { return stop() }
    guard !alive.isEmpty else { return nil }
    let number = alive[step.who % alive.count]
    guard let id = ids[number], let peer = plain.peers[number] else { return "lost \(number)" }
    switch step.kind {
    case .handshake:
      if step.form % 60 == 5 { return send(793, "no object", nil, number, id) }
      // Chooses a connection without a handshake, if there is one.
      let claimants = alive.filter { plain.peers[$0]?.state == .pending }
      let who = claimants.isEmpty ? number : claimants[step.who % claimants.count]
      return send(793, step.handshakeLine, step.shaken, who, ids[who] ?? id)
    case .prove: return prove(step)
    case .publicLine where peer.state == .pending && step.form % 8 != 0: return nil
    case .privateLine where peer.state == .pending: return nil
    case .publicLine: return send(687, step.publicLine(from: peer.nick), nil, number, id)
    case .privateLine: return send(685, step.privateLine(from: peer.nick), nil, number, id)
    case .list where peer.state == .present: return send(791, "", nil, number, id)
    case .ping where peer.state == .present: return send(798, "", nil, number, id)
    case .disconnect: return send(801, "", nil, number, id)
    case .other where peer.state == .present:
      return send(
        ModelStep.otherCodes[step.a % ModelStep.otherCodes.count], "x", nil, number, id)
    case .listOn:
      if step.form % 3 == 0 { harness.directory.forgetLists() }
      let part = harness.continueList(id)
      return plain.list(number, part.frames, more: part.more)
    case .leave:
      harness.leave(id)
      noteEvictions()
      plain.close(number, .peerClosed)
    case .circuit where peer.state == .pending && peer.circuit == nil:
      harness.identify(id, circuit: UInt32(step.a % 3))
      plain.identify(number, circuit: step.a % 3)
    default: break
    }
    return nil
  }

  private func send(_ code: Int, _ line: String, _ shaken: Shaken?, _ number: Int, _ id: PeerID)
    -> String?
  {
    // Sends about half of the frames in a form that is not canonical.
    let frame = DirectoryHarness.frame(code, line)
    if plain.peers[number]?.state == .proving {
      // Any frame of this peer is treated as its proof.
      return prove(frame, .malformed, number)
    }
    if shaken != nil { handshakes[number] = line }
    if plain.now / 1_000_000 % 2 == 0, line.utf8.count < 1_000 {
      let content = frame.dropFirst("{\"type\": \(code), \"line\": ".count).dropLast()
      harness.receive(" {\"line\":\(content),\"x\":[1],\"type\" :\(code)}", from: id)
    } else {
      harness.receive(frame, from: id)
    }
    noteEvictions()
    plain.wasFull = harness.endings[id] == .full
    plain.receive(code, line, shaken, from: number)
    return nil
  }

  private func prove(_ step: ModelStep) -> String? {
    let proving = alive.filter { plain.peers[$0]?.state == .proving }
    guard !proving.isEmpty else { return nil }
    let number = proving[step.who % proving.count]
    guard let peer = plain.peers[number], let handshake = handshakes[number],
      let key = ModelStep.keys.first(where: { $0.nick == peer.nick })
    else { return "nobody's nick" }
    let other = ModelStep.keys[step.a % ModelStep.keys.count]
    func proof(by key: NickKey, _ challenge: String) -> String {
      let line = key.proof(
        of: handshake, nick: peer.nick, challenge: challenge,
        directory: ReferenceDirectory.directoryID)
      return DirectoryHarness.frame(805, line)
    }
    switch step.form % 10 {
    case 0: return prove(DirectoryHarness.frame(805, "{}"), .malformed, number)
    case 1: return prove("", .malformed, number)
    case 2: return prove(proof(by: key, String(repeating: "00", count: 32)), .invalid, number)
    case 3 where other !== key: return prove(proof(by: other, peer.challenge), .invalid, number)
    default: return prove(proof(by: key, peer.challenge), .ok, number)
    }
  }

  private func prove(_ line: String, _ code: NickAuthCode, _ number: Int) -> String? {
    guard let id = ids[number] else { return "lost \(number)" }
    harness.prove(line, from: id)
    noteEvictions()
    plain.receiveProof(code, from: number)
    return nil
  }

  private func noteEvictions() {
    plain.evicted = harness.closed[seenClosed...].filter { harness.endings[$0] == .evicted }
      .compactMap { numbers[$0] }
  }

  private func connect() -> String? {
    let id = harness.connect()
    noteEvictions()
    guard plain.connect(opened) == (id != nil) else { return "MAX_PENDING" }
    guard let id else { return nil }
    if let old = numbers.updateValue(opened, forKey: id) { return "\(id) names \(old) too" }
    ids[opened] = id
    alive.append(opened)
    opened += 1
    return nil
  }

  private func limit(_ step: ModelStep) -> String? {
    plain.maxPeers = 2 + step.a % 9
    plain.maxPending = 2 + step.b % 5
    plain.maxViolations = step.form % 3 == 0 ? 0 : step.form % 7
    harness.directory.limits.peers = plain.maxPeers
    harness.directory.limits.pending = plain.maxPending
    harness.directory.limits.violations = plain.maxViolations
    return nil
  }

  private func stop() -> String? {
    harness.directory.stop()
    plain.isStopping = true
    return nil
  }

  private func pass(_ milliseconds: Int) -> String? {
    let end = plain.now + Int64(milliseconds) * 1_000_000
    while plain.now < end {
      plain.received.removeAll()
      plain.closed.removeAll()
      let claimants = Set(alive.filter { plain.peers[$0]?.state != .present })
      // Stops at every timeout, so that each expires in a tick of its own.
      let next = max(plain.now + 1_000_000, min(end, plain.nextDeadline ?? end))
      let gone = Duration.nanoseconds(next - plain.now)
      plain.now = next
      harness.pass(gone)
      noteEvictions()
      plain.releasePublicLines()
      if let fault = watch() { return fault }
      if let fault = compare(exactly: false, claimants: claimants) { return fault }
    }
    return plain.neglected
  }

  /// Applies the events of the tick to the reference directory. Returns the first that is wrong.
  private func watch() -> String? {
    let closed = harness.closed[seenClosed...].compactMap { id in
      numbers[id].map { ($0, harness.endings[id]) }
    }
    let silent = closed.filter { $0.1 == .pongTimeout }.map(\.0)
    if let fault = plain.expire(silent: silent) { return fault }
    for number in alive {
      guard let id = ids[number] else { continue }
      for frame in harness.peek(id)
      where frame == DirectoryHarness.ping || frame == DirectoryHarness.probe {
        if let fault = plain.sweepAsks(number) { return fault }
      }
      if let index = harness.directory.registry.index(of: id),
        harness.directory.registry[index].flags.contains(.evictable),
        plain.peers[number]?.isEvictable == false, let fault = plain.sweepMarks(number)
      {
        return fault
      }
    }
    for (number, reason) in closed where reason == .idle {
      if let fault = plain.sweepEvicts(number) { return fault }
    }
    return nil
  }

  // MARK: Comparing

  private func compare(exactly: Bool, claimants: Set<Int>) -> String? {
    let seen = harness.closed[seenClosed...].map { id in
      "\(numbers[id] ?? -1) \(harness.endings[id].map(\.rawValue) ?? "")"
    }
    seenClosed = harness.closed.count
    let told = plain.closed.map { "\($0.peer) \($0.reason.rawValue)" }
    guard exactly ? seen == told : seen.sorted() == told.sorted() else {
      return "closed \(seen), not \(told)"
    }
    for number in alive {
      guard let id = ids[number] else { continue }
      var received = harness.read(id)
      var expected = plain.received[number] ?? []
      if !exactly {
        // When several peers leave at the same time, each may or may not get the `D` entries of the
        // others.
        let isOpen = plain.peers[number] == nil || claimants.contains(number)
        received = received.filter { !isOpen || !$0.hasSuffix(";D\"}") }.sorted()
        expected = expected.filter { !isOpen || !$0.hasSuffix(";D\"}") }.sorted()
      }
      if received != expected {
        return "\(number) hears \(brief(received)), not \(brief(expected))"
      }
    }
    alive.removeAll { plain.peers[$0] == nil }
    return nil
  }

  private func brief(_ frames: [String]) -> [String] { frames.map { String($0.prefix(200)) } }

  private func compareStates() -> String? {
    let directory = harness.directory
    for number in alive {
      guard let id = ids[number], let peer = plain.peers[number] else { return "lost \(number)" }
      guard let index = directory.registry.index(of: id) else { return "\(number) is forgotten" }
      let real = directory.registry[index]
      let state: Peer.State =
        switch peer.state {
        case .pending: .pending
        case .waiting: .waiting
        case .proving: .proving
        case .present: .present
        }
      guard real.state == state else { return "\(number) is \(real.state), not \(state)" }
      guard harness.held.contains(id) == (state == .waiting) else { return "\(number): held" }
      guard state == .present else { continue }
      guard directory.registry.holder(of: real.nick) == id, real.nick.description == peer.nick,
        real.isListed == peer.isListed, real.offers.count == peer.offers.count,
        Int(real.violations) == peer.violations,
        real.flags.contains(.verified) == peer.isVerified,
        real.flags.contains(.evictable) == peer.isEvictable,
        real.flags.contains(.hasSpoken) == peer.hasSpoken,
        (real.listCursor >= 0) == (peer.listing != nil), harness.subscribers[id] != nil
      else { return "\(number) is not what it should be" }
    }
    guard directory.registry.connectionCount == plain.peers.count else { return "connections" }
    guard directory.registry.peerCount == plain.present.count else { return "peers" }
    guard directory.takeovers.count == plain.nickTakeovers.count else { return "nickTakeovers" }
    for code in NickAuthCode.allCases
    where directory.counters.proofs[code] != plain.verdicts[code] ?? 0 {
      return "proofs \(code): \(directory.counters.proofs[code]), not \(plain.verdicts[code] ?? 0)"
    }
    for reason in DropReason.allCases
    where directory.counters.dropped[reason] != plain.drops[reason] ?? 0 {
      return "\(reason): \(directory.counters.dropped[reason]), not \(plain.drops[reason] ?? 0)"
    }
    return nil
  }

  /// Disconnects all peers. Returns what is left of them, nil if nothing is.
  func desert() -> String? {
    for number in alive {
      if let id = ids[number] { harness.leave(id) }
    }
    let directory = harness.directory
    guard directory.registry.isEmpty else { return "the registry is not empty at the end" }
    guard directory.takeovers.count == 0, directory.pending.requestCount == 0,
      directory.proofs.count == 0
    else { return "takeovers are left at the end" }
    harness.pass(.seconds(60))
    guard directory.pending.isEmpty, !directory.heartbeat.hasProbes, directory.takeovers.isEmpty,
      directory.proofs.isEmpty
    else { return "something waits for peers that have left" }
    return nil
  }
}
