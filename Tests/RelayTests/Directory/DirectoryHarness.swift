/// A directory on a fake clock. A peer is only a list of the frames that it was sent.
///
/// It performs the directory's actions as the server would, at once and in order, so a test sends
/// frames of peers and reads what each peer got. Only the test moves the clock.
@testable import Directory
@testable import Server
@testable import Units
@testable import Wire

final class DirectoryHarness {
  let directory: Directory
  private(set) var now = Instant(nanoseconds: 5_000_000_000_000)
  /// The peers that were closed, with the reasons.
  private(set) var endings: [PeerID: CloseReason] = [:]
  /// The closed peers, in the order of the closes.
  private(set) var closed: [PeerID] = []
  /// The closed peers that may still read what was sent before.
  private(set) var flushed: Set<PeerID> = []
  private(set) var held: Set<PeerID> = []
  private(set) var noted: Set<PeerID> = []
  private(set) var resumed: [PeerID] = []
  private(set) var lists: [PeerID] = []
  /// The peers that get broadcasts, and whether they get long frames.
  private(set) var subscribers: [PeerID: Bool] = [:]
  private var inboxes: [PeerID: [String]] = [:]
  private var actions = Actions()
  private var decoder = FrameDecoder(maxNesting: 10)

  static let relayNick = "J5reLayreLayreLa"

  init(
    network: Network = .regtest, location: String? = nil, motd: String = "hello",
    limits: Limits = Limits(), slotsPerPage: Int = PeerlistCache.defaultSlotsPerPage
  ) {
    guard let nick = Nick(Self.relayNick) else { preconditionFailure("a nick") }
    directory = Directory(
      identity: Directory.Identity(
        nick: nick, network: network,
        location: location.flatMap { try? OnionEndpoint($0, network: network) }, motd: motd),
      limits: limits, slotsPerPage: slotsPerPage, at: now)
  }

  // MARK: Actions of peers

  func connect() -> PeerID? {
    let id = directory.connect(at: now, into: &actions)
    perform()
    return id
  }

  /// Connects and completes the handshake. Discards everything that peers got because of it.
  @discardableResult
  func join(_ nick: String, at location: String = "NOT-SERVING-ONION", _ features: [String] = [])
    -> PeerID
  {
    guard let id = connect() else { preconditionFailure("no room for a pending connection") }
    send(793, DirectoryHarness.handshake(nick, at: location, features), from: id)
    forgetAll()
    return id
  }

  /// Receives a frame in canonical form from this peer; `line` is plain text.
  func send(_ code: Int, _ line: String, from id: PeerID) {
    receive(DirectoryHarness.frame(code, line), from: id)
  }

  /// Receives a line in any form from this peer, without its terminator.
  func receive(_ text: String, from id: PeerID) {
    let bytes = Array(text.utf8)
    bytes.withView { line in
      do {
        try decoder.withFrame(line) { frame in
          directory.receive(frame, from: id, at: now, into: &actions)
          perform()
        }
      } catch {
        preconditionFailure("no frame: \(text)")
      }
    }
  }

  /// Receives a line as this peer's proof.
  func prove(_ line: String, from id: PeerID) {
    Array(line.utf8).withView {
      directory.receiveProof($0, from: id, maxNesting: 10, at: now, into: &actions)
    }
    perform()
  }

  func leave(_ id: PeerID, _ reason: CloseReason = .peerClosed) {
    directory.leave(id, reason, into: &actions)
    perform()
  }

  func makeRoom() {
    directory.makeRoom(at: now, into: &actions)
    perform()
  }

  func identify(_ id: PeerID, circuit: UInt32) {
    directory.identify(id, circuit: CircuitID(value: circuit), into: &actions)
    perform()
  }

  /// Moves the clock and calls the directory's tick once.
  func pass(_ time: Duration) {
    now = now + time
    directory.tick(at: now, into: &actions)
    perform()
  }

  /// Moves the clock as the server does: with a tick every half second.
  func wait(_ time: Duration) {
    let end = now + time
    while now < end { pass(min(DirectoryNode.tickInterval, end - now)) }
  }

  /// Moves the clock without a tick.
  func skip(_ time: Duration) { now = now + time }

  /// Returns the next part of a peerlist that is being sent.
  func continueList(_ id: PeerID) -> (frames: [String], more: Bool) {
    guard let part = directory.nextListPart(for: id) else { return ([], false) }
    var bytes = part.frames
    bytes.removeSubrange(part.omitted)
    let frames = DirectoryHarness.lines(bytes[...])
    precondition(frames.count == part.frameCount, "\(part.frameCount) frames are counted")
    return (frames, !part.isLast)
  }

  /// Requests a peerlist and returns all its frames, read a page at a time.
  func list(_ id: PeerID) -> [String] {
    send(791, "", from: id)
    var frames: [String] = []
    var more = lists.last == id
    while more {
      let part = continueList(id)
      frames += part.frames
      more = part.more
    }
    return frames
  }

  // MARK: Received frames

  /// Returns and removes the frames that a peer got since the last call.
  func read(_ id: PeerID) -> [String] { inboxes.removeValue(forKey: id) ?? [] }

  /// Returns the same frames without removing them.
  func peek(_ id: PeerID) -> [String] { inboxes[id] ?? [] }

  func forgetAll() {
    inboxes.removeAll(keepingCapacity: true)
    resumed.removeAll()
  }

  func isHere(_ id: PeerID) -> Bool { directory.registry.index(of: id) != nil }
  func dropped(_ reason: DropReason) -> Int { directory.counters.dropped[reason] }

  func nick(_ id: PeerID) -> String? {
    directory.registry.index(of: id).map { directory.registry[$0].nick.description }
  }

  private func perform() {
    for action in actions.items { perform(action) }
    actions.removeAll()
  }

  private func perform(_ action: Actions.Action) {
    switch action {
    case .send(let message, let receiver), .probe(let message, let receiver):
      inboxes[receiver, default: []].append(text(message))
    case .broadcast(let message, let except):
      let text = text(message)
      let isLong = text.utf8.count > Limits.longestLineForOldClients
      for (id, takesLong) in subscribers where id != except && (takesLong || !isLong) {
        inboxes[id, default: []].append(text)
      }
    case .admit(let id, let takesLong):
      subscribers[id] = takesLong
      if held.remove(id) != nil { resumed.append(id) }
    case .hold(let id): held.insert(id)
    case .prove: break
    case .noteUnusableLocation(let id): noted.insert(id)
    case .sendPeerlist(let id): lists.append(id)
    case .close(let id, let reason, let flush):
      precondition(endings[id] == nil, "closed twice")
      subscribers[id] = nil
      held.remove(id)
      endings[id] = reason
      closed.append(id)
      if flush { flushed.insert(id) }
    }
  }

  // MARK: Text

  /// Returns the frame of a message, without its terminator. A frame that the directory made must
  /// be a single frame of the stated type.
  private func text(_ message: Actions.Message) -> String {
    switch message {
    case .received(let frame): return String(decoding: frame.body, as: UTF8.self)
    case .made(let range, let type):
      let lines = DirectoryHarness.lines(actions.bytes[range])
      precondition(
        lines.count == 1 && lines[0].hasPrefix("{\"type\": \(type.rawValue),"), "one \(type) frame")
      return lines[0]
    }
  }

  /// Returns the frames in `bytes`. Every frame must end in CR LF.
  static func lines(_ bytes: ArraySlice<UInt8>) -> [String] {
    var lines: [String] = []
    var start = bytes.startIndex
    for end in bytes.indices where bytes[end] == 10 {
      precondition(end > start && bytes[end - 1] == 13, "a frame ends in CR LF")
      lines.append(String(decoding: bytes[start..<end - 1], as: UTF8.self))
      start = end + 1
    }
    precondition(start == bytes.endIndex, "whole frames only")
    return lines
  }

  /// Returns a frame in canonical form. `line` must need no JSON escapes except for quotes and
  /// backslashes.
  static func frame(_ code: Int, _ line: String) -> String {
    var escaped: [UInt8] = []
    for byte in line.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        escaped.append(UInt8(ascii: "\\"))
      }
      escaped.append(byte)
    }
    return "{\"type\": \(code), \"line\": \"" + String(decoding: escaped, as: UTF8.self) + "\"}"
  }

  static func handshake(
    _ nick: String, at location: String = "NOT-SERVING-ONION", _ features: [String] = [],
    app: String = "joinmarket", version: String = "5", network: String = "regtest",
    directory: String = "false"
  ) -> String {
    let flags = features.map { "\"\($0)\": true" }.joined(separator: ", ")
    return "{\"app-name\": \"\(app)\", \"directory\": \(directory), "
      + "\"location-string\": \"\(location)\", \"proto-ver\": \(version), "
      + "\"features\": {\(flags)}, \"nick\": \"\(nick)\", \"network\": \"\(network)\"}"
  }

  /// Returns the relay's 795, with the keys in the order of protocol.md §3.
  static func reply(
    accepted: Bool, _ motd: String, network: String = "regtest", asksForProofs: Bool = false
  ) -> String {
    frame(
      795,
      "{\"app-name\": \"joinmarket\", \"directory\": true, \"proto-ver-min\": 5, "
        + "\"proto-ver-max\": 5, \"features\": {\(asksForProofs ? "\"nick_auth\": true, " : "")"
        + "\"peerlist_features\": true, \"ping\": true}, "
        + "\"accepted\": \(accepted), \"nick\": \"\(relayNick)\", \"network\": \"\(network)\", "
        + "\"motd\": \"\(motd)\"}")
  }

  static func nick(_ number: Int) -> String {
    let alphabet = Array("abcdefghijkmnopqrstuvwxyzABCDEFGH")
    var name = "J5nick"
    var rest = number
    for _ in 0..<10 {
      name.append(alphabet[rest % alphabet.count])
      rest /= alphabet.count
    }
    return name
  }

  static let ping = frame(798, "")
  static let pong = frame(799, "")
  static let probe = frame(687, "\(relayNick)!PUBLIC!orderbook")
}
