/// The directory of protocol.md §2 to §8 once more, as plainly as it can be written: dictionaries,
/// arrays and text, nothing shared, nothing clever. `ModelTests` gives it the same steps as the
/// real one and compares them.
///
/// It is told of the two things that the protocol leaves open: when within its interval the sweep
/// comes to a peer, and in which order peers stand in a list. It judges both.
@testable import Directory
@testable import Identity
@testable import Wire

struct ReferenceDirectory {
  struct Bucket {
    /// Nanoseconds of passage saved up.
    var saved: Int64
    var at: Int64

    /// `cost` nanoseconds buy one passage; at most `burst` of them are saved.
    /// Several at once may leave a debt.
    mutating func take(_ count: Int = 1, cost: Int64, burst: Int64, at now: Int64) -> Bool {
      guard cost > 0 else { return true }
      saved = min(cost * burst, saved + now - at)
      at = now
      guard saved >= cost else { return false }
      saved -= cost * Int64(count)
      return true
    }

    /// Passages that were bought and not saved up again, rounded up.
    func used(cost: Int64, burst: Int64, at now: Int64) -> Int {
      guard cost > 0 else { return 0 }
      return Int((max(0, cost * burst - saved - (now - at)) + cost - 1) / cost)
    }
  }

  enum State { case pending, waiting, proving, present }
  /// Whether the relay can ask for proofs of nicks, and lets nobody in without.
  enum Proofs { case unknown, preferred, required }

  struct Listing {
    /// Must be in it once; a peer that leaves meanwhile moves to `may`.
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
    /// What it has to sign, and since when it owes that.
    var challenge = ""
    var owesSince: Int64 = 0
    var isVerified = false
    var hasSpoken = false
    /// The sweep has found it silent for long, and nothing can be asked.
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
  /// Of bytes of public lines, one peer.
  var bytesRate: (cost: Int64, burst: Int64)
  var now: Int64

  /// By the number of the connection: the how-manieth it was.
  var peers: [Int: Peer] = [:]
  var nickTakeovers: [String: Challenge] = [:]
  var lastTakeover: [String: Int64] = [:]

  // What the last step brought.
  var received: [Int: [String]] = [:]
  var closed: [(peer: Int, reason: CloseReason)] = []
  var held: Set<Int> = []
  var drops: [DropReason: Int] = [:]
  var verdicts: [NickAuthCode: Int] = [:]

  var challengesMade: UInt8 = 0
  /// When the latest connection came: no two come at the same time.
  var lastArrival = Int64.min
  /// Of the real directory, in this step.
  var evicted: [Int] = []
  /// The real one has turned away the connection of this step.
  var wasFull = false
  /// What the real one must not have done.
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

  // MARK: Coming and going

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

  /// The peers that the real one displaced in this step: the reference judges whether it may.
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

  /// Lists under way may show a peer that becomes listed meanwhile.
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
      // Who may be displaced is looked for seldom, so that it is the real one that knows.
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

  /// What this peer would answer.
  func probe(_ number: Int) -> String? {
    guard let peer = peers[number] else { return nil }
    if peer.features.contains("ping") { return DirectoryHarness.ping }
    return peer.isListed ? DirectoryHarness.probe : nil
  }
}

/// What a handshake says, and what is wrong with it.
struct Shaken {
  var nick: String
  var location: String
  var features: [String]
  var fault: HandshakeRejection?
}
