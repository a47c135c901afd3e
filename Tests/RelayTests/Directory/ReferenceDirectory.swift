/// A second, simple implementation of protocol.md §2 to §8: dictionaries, arrays and text, without
/// optimisations. `ModelTests` gives it the same steps as the real one and compares them.
///
/// The protocol leaves two things open: when in its interval the sweep checks a peer, and the order
/// of peers in a list. The reference takes both from the real directory and checks them.
@testable import Directory
@testable import Identity
@testable import Wire

struct ReferenceDirectory {
  struct Bucket {
    /// The saved budget, in nanoseconds.
    var saved: Int64
    var at: Int64

    /// Takes `count` tokens of `cost` nanoseconds each, if one is available. The bucket holds at
    /// most `burst` tokens, and may go into debt.
    mutating func take(_ count: Int = 1, cost: Int64, burst: Int64, at now: Int64) -> Bool {
      guard cost > 0 else { return true }
      saved = min(cost * burst, saved + now - at)
      at = now
      guard saved >= cost else { return false }
      saved -= cost * Int64(count)
      return true
    }

    /// Returns the tokens that are missing to a full bucket, rounded up.
    func used(cost: Int64, burst: Int64, at now: Int64) -> Int {
      guard cost > 0 else { return 0 }
      return Int((max(0, cost * burst - saved - (now - at)) + cost - 1) / cost)
    }
  }

  enum State { case pending, waiting, proving, present }
  /// The relay's mode: without proofs of nicks, with proofs of peers that support them, or with
  /// proofs of all peers.
  enum Proofs { case unknown, preferred, required }

  struct Listing {
    /// Peers that must be listed once. A peer that leaves meanwhile moves to `may`.
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
    var receivedAt: Int64
    var probedAt: Int64?
    var announced = false
    var offers: Set<String> = []
    var violations = 0
    var buckets: [Bucket]
    var publicBytes: Bucket
    var isAddressed = false
    var listing: Listing?
    var circuit: Int?
    /// The nonce that it must sign, and the time of the request.
    var challenge = ""
    var owesSince: Int64 = 0
    var isVerified = false
    var hasSpoken = false
    /// Whether the sweep has found it idle and could not probe it.
    var isEvictable = false

    var isListed: Bool { state == .present && (servesOnion || announced) }
    var entry: String { "\(nick);\(location)" }
    func entry(for reader: Peer) -> String {
      guard reader.features.contains("peerlist_features"), !features.isEmpty else { return entry }
      return entry + ";F:" + features.joined(separator: "+")
    }
  }

  struct Challenge {
    var claimant: Int
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
  var proofs = Proofs.unknown
  /// Cost and burst of the bytes of public lines, for one peer.
  var bytesRate: (cost: Int64, burst: Int64)
  var now: Int64

  /// Keyed by the number of the connection, counted from 0.
  var peers: [Int: Peer] = [:]
  var nickTakeovers: [String: Challenge] = [:]
  var lastTakeover: [String: Int64] = [:]

  // The results of the last step.
  var received: [Int: [String]] = [:]
  var closed: [(peer: Int, reason: CloseReason)] = []
  var held: Set<Int> = []
  var drops: [DropReason: Int] = [:]
  var verdicts: [NickAuthCode: Int] = [:]

  var challengesMade: UInt8 = 0
  /// The time of the latest connection. No two connections have the same time.
  var lastArrival = Int64.min
  /// The connections that the real directory has evicted in this step.
  var evicted: [Int] = []
  /// Whether the real directory has rejected the connection of this step as full.
  var wasFull = false
  /// Violations of the protocol by the real directory.
  var faults: [String] = []
  var publicLines = ReferencePublicLines()
  var circuitBuckets: [Int: [CircuitBudgets.Kind: Bucket]] = [:]

  static let second: Int64 = 1_000_000_000

  var present: [Int] { peers.keys.sorted().filter { peers[$0]?.state == .present } }
  func holder(_ nick: String) -> Int? {
    peers.first { $0.value.state == .present && $0.value.nick == nick }?.key
  }
  func send(_ text: String, _ to: Int, _ received: inout [Int: [String]]) {
    received[to, default: []].append(text)
  }
  mutating func drop(_ reason: DropReason) { drops[reason, default: 0] += 1 }

  // MARK: Connections

  mutating func connect(_ number: Int) -> Bool {
    if peers.values.count(where: { $0.state != .present }) >= maxPending {
      guard let victim = evicted.first else { return false }
      evicted.removeFirst()
      evict(victim)
    }
    let full = rates.map { Bucket(saved: $0.cost * $0.burst, at: now) }
    lastArrival = max(now, lastArrival + 1)
    peers[number] = Peer(
      connectedAt: lastArrival, receivedAt: now, buckets: full,
      publicBytes: Bucket(saved: bytesRate.cost * bytesRate.burst, at: now))
    return true
  }

  mutating func identify(_ number: Int, circuit: Int) {
    if peers.values.count(where: { $0.circuit == circuit }) >= maxPerCircuit {
      close(number, .circuitFull)
    } else {
      peers[number]?.circuit = circuit
      if !takeOf(circuit, .handshakes, 1) { close(number, .circuitRate) }
    }
  }

  /// Evicts a peer that the real directory has evicted in this step, and checks that it may be
  /// evicted.
  private mutating func evict(_ victim: Int) {
    guard let peer = peers[victim] else { return faults.append("\(victim) is displaced twice") }
    if peer.state == .present {
      let ages = present.compactMap { peers[$0]?.connectedAt }.sorted()
      let isOld = peer.connectedAt <= ages[(ages.count - 1) / 2]
      let isProtected = peer.isVerified || peer.isAddressed || !peer.offers.isEmpty || isOld
      if isProtected, !peer.isEvictable {
        faults.append("\(victim) is protected")
      }
    } else if peer.state == .waiting {
      faults.append("\(victim) has done what it had to do")
    }
    close(victim, .evicted)
  }

  mutating func makePlace() -> Bool {
    guard present.count >= maxPeers else { return true }
    guard present.count == maxPeers, let victim = evicted.first else { return false }
    evicted.removeFirst()
    evict(victim)
    return true
  }

  mutating func close(_ number: Int, _ reason: CloseReason) {
    guard let peer = peers.removeValue(forKey: number) else { return }
    closed.append((number, reason))
    held.remove(number)
    publicLines.requests.forget(number)
    let isKnown = peer.isListed || peer.state == .present && peer.hasSpoken
    if isKnown, !isStopping { announceDeparture(of: peer, number) }
    for other in peers.keys where peers[other]?.listing?.must.remove(number) != nil {
      peers[other]?.listing?.may.insert(number)
    }
    guard
      let challenge = nickTakeovers.first(where: {
        $0.value.holder == number || $0.value.claimant == number
      })
    else { return }
    nickTakeovers[challenge.key] = nil
    if challenge.value.holder == number { succeed(challenge.value.claimant) }
  }

  private mutating func succeed(_ claimant: Int) {
    held.remove(claimant)
    if isStopping {
      reject(claimant, "the directory is stopping", .shutdown)
    } else if !makePlace() {
      reject(claimant, "Maximum peers reached: \(maxPeers)", .full)
    } else {
      admit(claimant)
    }
  }

  mutating func reject(_ number: Int, _ why: String, _ reason: CloseReason = .rejected) {
    send(reply(accepted: false, "Rejected: " + why), number, &received)
    close(number, reason)
  }

  func reply(accepted: Bool, _ motd: String) -> String {
    DirectoryHarness.reply(accepted: accepted, motd, asksForProofs: proofs != .unknown)
  }

  private mutating func admit(_ number: Int) {
    send(reply(accepted: true, "hello"), number, &received)
    enter(number)
  }

  mutating func enter(_ number: Int) {
    peers[number]?.state = .present
    mayBeListed(number)
  }

  /// Notes that lists in progress may contain this peer, which became listed meanwhile.
  mutating func mayBeListed(_ number: Int) {
    guard peers[number]?.isListed == true else { return }
    for other in peers.keys where other != number { peers[other]?.listing?.may.insert(number) }
  }

  // MARK: Frames

  mutating func receive(_ code: Int, _ line: String, _ shaken: Shaken?, from number: Int) {
    guard let peer = peers[number] else { return }
    peers[number]?.receivedAt = now
    switch peer.state {
    case .waiting, .proving: return
    case .pending:
      guard code == 793, let shaken else { return close(number, .malformed) }
      shake(shaken, number)
    case .present:
      if code == 801 { return close(number, .disconnectMessage) }
      peers[number]?.probedAt = nil
      peers[number]?.isEvictable = false
      if let challenge = nickTakeovers[peer.nick], challenge.holder == number {
        nickTakeovers[peer.nick] = nil
        reject(challenge.claimant, "Peer nick already registered: \(peer.nick)")
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
    let isFull = "Maximum peers reached: \(maxPeers)"
    if proofs != .unknown, shaken.features.contains("nick_auth") {
      // The real directory searches for evictable peers only at intervals, so its result is used
      // here.
      if holder(shaken.nick) == nil, present.count >= maxPeers, wasFull {
        return reject(number, isFull, .full)
      }
      return requestProof(number)
    }
    if proofs == .required {
      return reject(number, "verified nick authentication required")
    }
    guard let holder = holder(shaken.nick) else {
      if !makePlace() {
        return reject(number, isFull, .full)
      }
      return admit(number)
    }
    if peers[holder]?.isEvictable == true, peers[holder]?.isVerified == false {
      close(holder, .displaced)
      return admit(number)
    }
    let isTooSoon = lastTakeover[shaken.nick].map { now < $0 + 30 * Self.second } ?? false
    guard nickTakeovers[shaken.nick] == nil, !isTooSoon, peers[holder]?.isVerified == false,
      let question = probe(holder)
    else {
      return reject(number, "Peer nick already registered: \(shaken.nick)")
    }
    send(question, holder, &received)
    lastTakeover[shaken.nick] = now
    peers[number]?.state = .waiting
    held.insert(number)
    nickTakeovers[shaken.nick] = Challenge(
      claimant: number, holder: holder, deadline: now + 10 * Self.second)
  }

  /// Returns the probe that this peer answers, nil if there is none.
  func probe(_ number: Int) -> String? {
    guard let peer = peers[number] else { return nil }
    if peer.features.contains("ping") { return DirectoryHarness.ping }
    return peer.isListed ? DirectoryHarness.probe : nil
  }
}

/// The content of a handshake, and its fault if it has one.
struct Shaken {
  var nick: String
  var location: String
  var features: [String]
  var fault: HandshakeRejection?
}
