/// The directory of protocol.md §2 to §7 once more, as plainly as it can be written: dictionaries, arrays and text, nothing
/// shared, nothing clever. `ModelTests` lets it live the same life as the real one and compares them.
///
/// It is told of the two things that the protocol leaves open: when within its interval the sweep comes to a peer, and in which
/// order peers stand in a list. It judges both.
@testable import Relay

struct PlainDirectory {
  struct Bucket {
    /// Nanoseconds of passage saved up.
    var saved: Int64
    var at: Int64

    /// `cost` nanoseconds buy one passage; at most `burst` of them are saved.
    mutating func take(cost: Int64, burst: Int64, at now: Int64) -> Bool {
      guard cost > 0 else { return true }
      saved = min(cost * burst, saved + now - at)
      at = now
      guard saved >= cost else { return false }
      saved -= cost
      return true
    }
  }

  enum State { case pending, waiting, present }

  struct Listing {
    /// Must be in it once; whoever leaves meanwhile moves to `may`.
    var must: Set<Int> = []
    var may: Set<Int> = []
    var entries: [String] = []
    var isFirst = true
  }

  struct Peer {
    var state = State.pending
    var nick = ""
    var location = ""
    var features: [String] = []
    var servesOnion = false
    var connectedAt: Int64
    var heardAt: Int64
    var probedAt: Int64?
    var announced = false
    var offers: Set<String> = []
    var violations = 0
    var buckets: [Bucket]
    var listing: Listing?
    var circuit: Int?

    var isListed: Bool { state == .present && (servesOnion || announced) }
    var entry: String { "\(nick);\(location)" }
    func entry(for reader: Peer) -> String {
      guard reader.features.contains("peerlist_features"), !features.isEmpty else { return entry }
      return entry + ";F:" + features.joined(separator: "+")
    }
  }

  struct Challenge {
    var newcomer: Int
    var holder: Int
    var deadline: Int64
  }

  /// Cost and burst of messages, public lines, order book requests and lists.
  var rates: [(cost: Int64, burst: Int64)]
  var maxPeers: Int
  var maxPending: Int
  var maxPerCircuit: Int
  var maxViolations: Int
  let location: String?
  var isStopping = false
  var now: Int64

  /// By the number of the connection: the how-manieth it was.
  var peers: [Int: Peer] = [:]
  var challenges: [String: Challenge] = [:]
  var lastChallenge: [String: Int64] = [:]

  // What the last step brought.
  var heard: [Int: [String]] = [:]
  var closed: [(peer: Int, reason: CloseReason)] = []
  var held: Set<Int> = []
  var drops: [DropReason: Int] = [:]

  static let second: Int64 = 1_000_000_000

  var present: [Int] { peers.keys.sorted().filter { peers[$0]?.state == .present } }
  func holder(_ nick: String) -> Int? {
    peers.first { $0.value.state == .present && $0.value.nick == nick }?.key
  }
  private func send(_ text: String, _ to: Int, _ heard: inout [Int: [String]]) {
    heard[to, default: []].append(text)
  }
  private mutating func drop(_ reason: DropReason) { drops[reason, default: 0] += 1 }

  // MARK: Coming and going

  mutating func connect(_ number: Int) -> Bool {
    guard peers.values.count(where: { $0.state != .present }) < maxPending else { return false }
    let full = rates.map { Bucket(saved: $0.cost * $0.burst, at: now) }
    peers[number] = Peer(connectedAt: now, heardAt: now, buckets: full)
    return true
  }

  mutating func identify(_ number: Int, circuit: Int) {
    if peers.values.count(where: { $0.circuit == circuit }) >= maxPerCircuit {
      close(number, .circuitFull)
    } else {
      peers[number]?.circuit = circuit
    }
  }

  mutating func close(_ number: Int, _ reason: CloseReason) {
    guard let peer = peers.removeValue(forKey: number) else { return }
    closed.append((number, reason))
    held.remove(number)
    if peer.isListed, !isStopping {
      for other in present { send(Stage.frame(789, peer.entry + ";D"), other, &heard) }
    }
    for other in peers.keys where peers[other]?.listing?.must.remove(number) != nil {
      peers[other]?.listing?.may.insert(number)
    }
    guard
      let challenge = challenges.first(where: {
        $0.value.holder == number || $0.value.newcomer == number
      })
    else { return }
    challenges[challenge.key] = nil
    if challenge.value.holder == number { succeed(challenge.value.newcomer) }
  }

  private mutating func succeed(_ newcomer: Int) {
    held.remove(newcomer)
    if isStopping {
      reject(newcomer, "the directory is stopping", .shutdown)
    } else if present.count >= maxPeers {
      reject(newcomer, "Maximum peers reached: \(maxPeers)", .full)
    } else {
      seat(newcomer)
    }
  }

  private mutating func reject(_ number: Int, _ why: String, _ reason: CloseReason = .rejected) {
    send(Stage.reply(accepted: false, "Rejected: " + why), number, &heard)
    close(number, reason)
  }

  private mutating func seat(_ number: Int) {
    peers[number]?.state = .present
    send(Stage.reply(accepted: true, "hello"), number, &heard)
    mayBeListed(number)
  }

  /// Lists under way may show whoever comes to be listed meanwhile.
  private mutating func mayBeListed(_ number: Int) {
    guard peers[number]?.isListed == true else { return }
    for other in peers.keys where other != number { peers[other]?.listing?.may.insert(number) }
  }

  // MARK: Frames

  mutating func receive(_ code: Int, _ line: String, _ shaken: Shaken?, from number: Int) {
    guard let peer = peers[number] else { return }
    peers[number]?.heardAt = now
    switch peer.state {
    case .waiting: return
    case .pending:
      guard code == 793, let shaken else { return close(number, .malformed) }
      shake(shaken, number)
    case .present:
      if code == 801 { return close(number, .disconnectMessage) }
      peers[number]?.probedAt = nil
      if let challenge = challenges[peer.nick], challenge.holder == number {
        challenges[peer.nick] = nil
        reject(challenge.newcomer, "Peer nick already registered: \(peer.nick)")
      }
      speak(code, line, number)
    }
  }

  private mutating func shake(_ shaken: Shaken, _ number: Int) {
    if let fault = shaken.fault { return reject(number, fault.reason) }
    if isStopping { return reject(number, "the directory is stopping", .shutdown) }
    peers[number]?.nick = shaken.nick
    peers[number]?.location = shaken.location
    peers[number]?.servesOnion = shaken.location != "NOT-SERVING-ONION"
    peers[number]?.features = shaken.features.sorted()
    guard let holder = holder(shaken.nick) else {
      if present.count >= maxPeers {
        return reject(number, "Maximum peers reached: \(maxPeers)", .full)
      }
      return seat(number)
    }
    let isTooSoon = lastChallenge[shaken.nick].map { now < $0 + 30 * Self.second } ?? false
    guard challenges[shaken.nick] == nil, !isTooSoon, let question = probe(holder) else {
      return reject(number, "Peer nick already registered: \(shaken.nick)")
    }
    send(question, holder, &heard)
    lastChallenge[shaken.nick] = now
    peers[number]?.state = .waiting
    held.insert(number)
    challenges[shaken.nick] = Challenge(
      newcomer: number, holder: holder, deadline: now + 10 * Self.second)
  }

  /// What this peer would answer.
  func probe(_ number: Int) -> String? {
    guard let peer = peers[number] else { return nil }
    if peer.features.contains("ping") { return Stage.ping }
    return peer.isListed ? Stage.probe : nil
  }

  private mutating func take(_ bucket: Int, _ number: Int) -> Bool {
    peers[number]?.buckets[bucket].take(
      cost: rates[bucket].cost, burst: rates[bucket].burst, at: now) ?? false
  }

  private mutating func speak(_ code: Int, _ line: String, _ number: Int) {
    guard take(0, number) else {
      drop(.rate)
      peers[number]?.violations += 1
      if maxViolations > 0, peers[number]?.violations ?? 0 >= maxViolations {
        close(number, .rate)
      }
      return
    }
    switch code {
    case 685: privately(line, number)
    case 687: publicly(line, number)
    case 791:
      if peers[number]?.listing != nil { return drop(.listUnderWay) }
      guard take(3, number) else { return drop(.peerlistRate) }
      let listed = peers.filter { $0.value.isListed && $0.key != number }.keys
      peers[number]?.listing = Listing(must: Set(listed))
    case 798: send(Stage.pong, number, &heard)
    case 803, 805, 807: close(number, .malformed)
    case 793, 799, 789, 795, 797, 785, 787: drop(.ignoredType)
    default: drop(.unknownType)
    }
  }

  /// From, to and the rest, when all three are there.
  private func fields(_ line: String) -> [Substring]? {
    let parts = line.split(separator: "!", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count == 3 && !parts[2].isEmpty ? parts : nil
  }

  private func reads(_ frame: String, _ number: Int) -> Bool {
    frame.utf8.count <= 40_000 || peers[number]?.features.isEmpty == false
  }

  private mutating func privately(_ line: String, _ number: Int) {
    guard let parts = fields(line) else { return drop(.malformedLine) }
    guard let sender = peers[number], parts[0] == sender.nick else { return drop(.forgedSender) }
    if parts[1] == Stage.relayNick { return drop(.toRelay) }
    guard let to = holder(String(parts[1])), let receiver = peers[to] else {
      return drop(.unknownRecipient)
    }
    let frame = Stage.frame(685, line)
    guard reads(frame, to) else { return drop(.tooLongForClient) }
    send(frame, to, &heard)
    if sender.servesOnion { send(Stage.frame(789, sender.entry(for: receiver)), to, &heard) }
  }

  private mutating func publicly(_ line: String, _ number: Int) {
    guard let parts = fields(line), parts[1] == "PUBLIC" else { return drop(.malformedLine) }
    guard let sender = peers[number], parts[0] == sender.nick else { return drop(.forgedSender) }
    let commands = parts[2].split(separator: "!", omittingEmptySubsequences: false).map {
      $0.split(separator: " ").map(String.init)
    }
    if commands.contains(where: { $0.first == "orderbook" }) {
      guard take(2, number) else { return drop(.orderbookRate) }
    } else {
      guard take(1, number) else { return drop(.publicRate) }
    }
    for command in commands where command.count > 1 { track(command[0], command[1], number) }
    let frame = Stage.frame(687, line)
    for other in present where other != number && reads(frame, other) {
      send(frame, other, &heard)
    }
  }

  private mutating func track(_ name: String, _ id: String, _ number: Int) {
    let offers: Set = [
      "sw0reloffer", "sw0absoffer", "swreloffer", "swabsoffer", "reloffer", "absoffer", "relorder",
      "absorder",
    ]
    if offers.contains(name) {
      peers[number]?.announced = true
      mayBeListed(number)
      if peers[number]?.offers.count ?? 64 < 64 { peers[number]?.offers.insert(id) }
    } else if name == "cancel" {
      peers[number]?.offers.remove(id)
    }
  }
}

/// What a handshake says, and what is wrong with it.
struct Shaken {
  var nick: String
  var location: String
  var features: [String]
  var fault: HandshakeRejection?
}
