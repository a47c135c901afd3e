// The server's part in the fuzzing of the directory, without sockets. It performs actions in order
// and checks each against its own record of the peers. DirectoryPromises has the invariants between
// events.

import TestSupport

@testable import Directory
@testable import Units
@testable import Wire

final class DirectoryWatch {
  static let relayNick = "J5re1ayre1ayre1a"

  /// The server's record of a connection.
  struct Peer {
    var isGreeted = false
    var isPresent = false
    var isHeld = false
    var isProving = false
    var isListing = false
  }

  /// The directory's record of a peer before an event.
  private struct Before {
    let nick: Nick
    let isKnownToOthers: Bool
    let isOldClient: Bool
    let lastReceived: Instant
  }

  let directory: Directory
  let policy: NickPolicy?
  let location: OnionEndpoint?
  private(set) var peers: [PeerID: Peer] = [:]
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  private var actions = Actions()
  private var decoder = FrameDecoder(maxNesting: 10)

  // During one event
  private var before: [PeerID: Before] = [:]
  private var departed: [Nick] = []
  /// The number of departures that were not sent at once, by nick.
  private var waitingDepartures: [Nick: Int] = [:]
  private var peersBefore = 0

  init() {
    // Constants of the fuzzer. If they were invalid, the directory would have no name.
    let nick = Nick(Self.relayNick) ?? .nobody
    location = try? OnionEndpoint(FuzzOwner.directoryID, network: .mainnet)
    policy = DirectoryID(FuzzOwner.directoryID).map {
      NickPolicy(directoryID: $0)
    }
    var limits = Limits()
    limits.peers = 6
    limits.pending = 8
    limits.peersPerCircuit = 3
    directory = Directory(
      identity: .init(nick: nick, network: .mainnet, location: location, motd: "fuzz\n\"\u{e9}"),
      limits: limits, slotsPerPage: 2, at: now)
    directory.policy = policy
    directory.proofs.newNonce = { Bytes32([UInt8](repeating: 7, count: 32)) ?? .random() }
  }

  func nick(of peer: PeerID) -> Nick {
    directory.registry.index(of: peer).map { directory.registry[$0].nick } ?? .nobody
  }

  // MARK: Events

  func connect() throws -> PeerID? {
    let isFull = directory.registry.pendingCount >= directory.limits.pending
    var id: PeerID?
    var isNew = true
    try event(from: nil) { () -> Void in
      id = directory.connect(at: now, into: &actions)
      if let id { isNew = peers.updateValue(Peer(), forKey: id) == nil }
    }
    try hold("only MAX_PENDING refuses a connection", id != nil || isFull)
    try hold("an id is given out once", isNew)
    return id
  }

  func identify(_ id: PeerID, circuit: CircuitID) throws {
    try event(from: id) { directory.identify(id, circuit: circuit, into: &actions) }
  }

  func receive(_ code: UInt32, _ text: [UInt8], from id: PeerID) throws {
    var bytes: [UInt8] = []
    Frame.open(code, to: &bytes)
    text.withView { JSONText.encode($0, into: &bytes) }
    Frame.close(to: &bytes)
    try event(from: id) {
      try bytes.withView { bytes in
        try decoder.withFrame(bytes) { frame in
          directory.receive(frame, from: id, at: now, into: &actions)
          return CopiedFrame(frame)
        }
      }
    }
  }

  func prove(_ id: PeerID, _ line: [UInt8]) throws {
    try event(from: id) {
      line.withView {
        directory.receiveProof($0, from: id, maxNesting: 10, at: now, into: &actions)
      }
    }
  }

  func leave(_ id: PeerID, _ reason: CloseReason) throws {
    try event(from: id) { directory.leave(id, reason, into: &actions) }
    try hold("a peer that leaves is removed", peers[id] == nil)
  }

  /// Advances the time and lets the directory tick.
  func pass(_ time: Duration) throws {
    now = now + time
    try event(from: nil) { directory.tick(at: now, into: &actions) }
    try checkDeadlines()
  }

  func stop() { directory.stop() }

  func continueList(of id: PeerID) throws {
    guard peers[id]?.isListing == true else { return }
    let asker = nick(of: id)
    guard let part = directory.nextListPart(for: id) else {
      throw Violation(description: "an unfinished list has a next part")
    }
    var bytes = part.frames
    bytes.removeSubrange(part.omitted)
    peers[id]?.isListing = !part.isLast
    let knowsFeatures =
      directory.registry.index(of: id).map {
        directory.registry[$0].features.contains(.peerlistFeatures)
      } ?? false
    let frames = try framesWritten(bytes[...])
    try hold("frames are counted", frames.count == part.frameCount)
    for frame in frames {
      let entries = try ReadEntry.list(frame.text, on: .mainnet)
      try hold("a list has at most 20 entries a frame", entries.count <= 20)
      try hold("a list has no D entries", !entries.contains { $0.hasLeft })
      try hold("a list leaves out its reader", !entries.contains { $0.nick == asker })
      try hold(
        "features need peerlist_features", knowsFeatures || entries.allSatisfy(\.features.isEmpty))
      for entry in entries where entry.nick != directory.identity.nick {
        let index = directory.registry.holder(of: entry.nick).flatMap(directory.registry.index)
        try hold(
          "only listed peers are listed", index.map { directory.registry[$0].isListed } == true)
      }
    }
  }

  /// Closes all peers and lets all deadlines pass. No state may be left.
  func desert() throws {
    for id in peers.keys.sorted(by: { $0.slot < $1.slot }) where peers[id] != nil {
      try leave(id, .peerClosed)
    }
    try hold("the registry is empty", directory.registry.isEmpty)
    try hold("no takeover is left", directory.takeovers.count == 0)
    try pass(.seconds(3_600))
    try hold(
      "no deadline is left",
      directory.pending.isEmpty && !directory.heartbeat.hasProbes && directory.proofs.isEmpty
        && directory.takeovers.isEmpty)
  }

  // MARK: Actions

  private func event(from sender: PeerID?, _ body: () throws -> CopiedFrame?) throws {
    before = [:]
    departed = []
    peersBefore = directory.registry.peerCount
    for id in peers.keys {
      guard let index = directory.registry.index(of: id) else { continue }
      let peer = directory.registry[index]
      before[id] = Before(
        nick: peer.nick, isKnownToOthers: peer.state == .present && peer.isKnownToOthers,
        isOldClient: peer.flags.contains(.oldClient), lastReceived: peer.lastReceived)
    }
    let isKnown = sender.map { peers[$0] != nil } ?? true
    let frame = try body()
    try hold("a stale id causes no action", isKnown || actions.isEmpty)
    for action in actions.items { try perform(action, frame, from: sender) }
    actions.removeAll()
    try hold("every departure belongs to a close", departed.isEmpty)
    try checkPromises()
  }

  private func event(from sender: PeerID?, _ body: () -> Void) throws {
    try event(from: sender) { () -> CopiedFrame? in
      body()
      return nil
    }
  }

  private func perform(_ action: Actions.Action, _ frame: CopiedFrame?, from sender: PeerID?) throws
  {
    switch action {
    // The frame in the action is no longer valid: `frame` is its copy.
    case .send(.received, let id):
      try checkPassedOn(frame, as: 685, from: sender)
      try hold("private frames go to present peers", peers[id]?.isPresent == true)
      let isTooLong = (frame?.body.count ?? 0) > Limits.longestLineForOldClients
      try hold("old clients get no long frames", !isTooLong || before[id]?.isOldClient == false)
    case .broadcast(.received, let except):
      try checkPassedOn(frame, as: 687, from: sender)
      try hold("the sender gets no echo", except == sender)
    case .probe(.received, _): try hold("the directory makes all probes", false)
    case .send(.made(let range, let type), let id), .probe(.made(let range, let type), let id):
      try checkSent(try frameMade(range, type), to: id)
    case .broadcast(.made(let range, let type), let sender):
      let frame = try frameMade(range, type)
      if type == .pubmsg, let sender { return try checkSender(of: frame, is: sender) }
      try hold("only departures are broadcast", type == .peerlist)
      let entries = try ReadEntry.list(frame.text, on: .mainnet)
      try hold("one departure a frame", entries.count == 1 && entries[0].hasLeft)
      let nick = entries[0].nick
      if let count = waitingDepartures[nick], count > 0 {
        waitingDepartures[nick] = count - 1
      } else {
        departed.append(nick)
      }
    case .admit(let id, _):
      try hold(
        "admitted once, after the greeting",
        peers[id]?.isPresent == false && peers[id]?.isGreeted == true)
      try hold("a stopping directory admits nobody", !directory.isStopping)
      peers[id]?.isPresent = true
      peers[id]?.isProving = false
      peers[id]?.isHeld = false
    case .noteUnusableLocation: break
    case .hold(let id):
      try hold(
        "a pending connection is held once",
        peers[id]?.isHeld == false && peers[id]?.isPresent == false)
      peers[id]?.isHeld = true
    case .prove(let id):
      try hold(
        "a pending connection proves once",
        peers[id]?.isProving == false && peers[id]?.isPresent == false)
      peers[id]?.isProving = true
    case .sendPeerlist(let id):
      try hold(
        "one list at a time, to a present peer",
        peers[id]?.isPresent == true && peers[id]?.isListing == false)
      peers[id]?.isListing = true
    case .close(let id, _, _): try checkClosed(id)
    }
  }

  private func checkPassedOn(_ frame: CopiedFrame?, as code: UInt32, from sender: PeerID?) throws {
    guard let frame, let sender, peers[sender]?.isPresent == true else {
      throw Violation(description: "only the frame of a present peer is passed on")
    }
    try hold("the action fits the frame's type", frame.code == code)
    try checkSender(of: frame, is: sender)
  }

  private func checkSender(of frame: CopiedFrame, is sender: PeerID) throws {
    let from = frame.line.prefix { $0 != UInt8(ascii: "!") }
    let nick = Nick(Array(from))
    // Lines of a sender that has left are sent, too.
    let isOwn = before[sender].map { $0.nick == nick } ?? true
    try hold("a line has its sender's nick", nick != nil && isOwn)
    try hold("no frame outgrows the limit", frame.body.count <= directory.limits.longestLine)
  }

  /// Returns the one frame in `range`, which must have the type of its action.
  private func frameMade(_ range: Range<Int>, _ type: MessageType) throws -> CopiedFrame {
    let frames = try framesWritten(actions.bytes[range])
    guard frames.count == 1, frames[0].code == UInt32(type.rawValue) else {
      throw Violation(description: "an action holds one frame of its type")
    }
    return frames[0]
  }

  private func checkSent(_ frame: CopiedFrame, to id: PeerID) throws {
    guard let peer = peers[id] else {
      throw Violation(description: "nothing is sent to a closed peer")
    }
    if peers[id]?.isGreeted == false { try hold("795 comes first", frame.code == 795) }
    peers[id]?.isGreeted = true
    switch frame.code {
    case 795, 803, 807: try hold("greetings are for pending connections", !peer.isPresent)
    case 687, 798, 799: try hold("probes and pongs are for peers", peer.isPresent)
    case 789:
      try hold("lists are for peers", peer.isPresent)
      let entries = try ReadEntry.list(frame.text, on: .mainnet)
      try hold("the sender's entry follows its frame", entries.count == 1 && !entries[0].hasLeft)
    default: throw Violation(description: "a relay does not send \(frame.code)")
    }
  }

  private func checkClosed(_ id: PeerID) throws {
    guard peers.removeValue(forKey: id) != nil else {
      throw Violation(description: "closed once")
    }
    try hold("the directory has removed a closed peer", directory.registry.index(of: id) == nil)
    let nick = before[id]?.nick ?? .nobody
    if before[id]?.isKnownToOthers == true, !directory.isStopping {
      // Or it is sent later, in its turn.
      try hold(
        "a known peer's departure comes before its close", departed == [nick] || departed.isEmpty)
      if departed.isEmpty { waitingDepartures[nick, default: 0] += 1 }
      departed = []
    }
  }

  /// Checks that no admission within an event exceeds MAX_PEERS.
  func checkPlaces() throws {
    let count = directory.registry.peerCount
    try hold("MAX_PEERS holds", count <= max(directory.limits.peers, peersBefore))
  }
}
