/// Restarts a node in each state that a connection can have (docs/state-image.md). Peers notice
/// only a pause.
import NickKeys
import Testing

@testable import Directory
@testable import EventLoop
@testable import Server
@testable import Settings
@testable import StateImage
@testable import Units
@testable import Wire

@Suite("A restart in the middle of", .serialized)
struct HandoverTests {
  enum Case: String, CaseIterable {
    case connectingNothingSaid, halfHandshake, awaitingProxyLine, circuitOfPeers, halfLine
    case linesBehindAHalfLine, privateLines, backlog, peerlist, takeoverAnswered, takeoverSilent
    case takeoverWithLinesBehind, proofOwed, halfProof, verifiedNick, delayedBroadcasts
    case rateDebts, probeSent, lingeringClose, offersAndListing, longLinesWithheld
  }

  static let relay = DirectoryHarness.relayNick
  static let welcome = DirectoryHarness.reply(accepted: true, "hello")

  @Test("state", arguments: Case.allCases)
  func state(_ state: Case) throws {
    switch state {
    case .connectingNothingSaid: try connectingNothingSaid()
    case .halfHandshake: try halfHandshake()
    case .awaitingProxyLine: try awaitingProxyLine()
    case .circuitOfPeers: try circuitOfPeers()
    case .halfLine: try halfLine()
    case .linesBehindAHalfLine: try linesBehindAHalfLine()
    case .privateLines: try privateLines()
    case .backlog: try backlog()
    case .peerlist: try peerlist()
    case .takeoverAnswered: try takeover(isAnswered: true)
    case .takeoverSilent: try takeover(isAnswered: false)
    case .takeoverWithLinesBehind: try takeoverWithLinesBehind()
    case .proofOwed: try proof(cutAt: 0)
    case .halfProof: try proof(cutAt: 50)
    case .verifiedNick: try verifiedNick()
    case .delayedBroadcasts: try delayedBroadcasts()
    case .rateDebts: try rateDebts()
    case .probeSent: try probeSent()
    case .lingeringClose: try lingeringClose()
    case .offersAndListing: try offersAndListing()
    case .longLinesWithheld: try longLinesWithheld()
    }
  }

  private func connectingNothingSaid() throws {
    let harness = try RestartHarness()
    let peer = harness.connect()
    let connectedAt = try #require(harness.node.directory.registry.slots.first).connectedAt
    try harness.restart()
    #expect(harness.node.directory.registry.slots.first?.connectedAt == connectedAt)
    #expect(harness.node.directory.registry.pendingCount == 1)
    peer.nick = DirectoryHarness.nick(1)
    peer.send(793, DirectoryHarness.handshake(peer.nick))
    peer.expect(Self.welcome)
  }

  private func halfHandshake() throws {
    let harness = try RestartHarness()
    let peer = harness.connect()
    let frame = DirectoryHarness.frame(793, DirectoryHarness.handshake(DirectoryHarness.nick(1)))
    peer.send(String(frame.prefix(40)))
    try harness.restart()
    peer.send(String(frame.dropFirst(40)) + "\r\n")
    peer.expect(Self.welcome)
    peer.expectQuiet()
  }

  private static func proxyLine(_ circuit: Int) -> String {
    "PROXY TCP6 fc00:dead:beef:4dad::0:\(circuit) ::1 \(circuit) 5222\r\n"
  }

  private func awaitingProxyLine() throws {
    let harness = try RestartHarness { $0.proxyProtocol = true }
    let peer = harness.connect()
    try harness.restart()
    peer.send(Self.proxyLine(7))
    peer.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(1)))
    peer.expect(Self.welcome)
    #expect(harness.node.directory.registry.connections(of: CircuitID(value: 7)) == 1)
  }

  private func circuitOfPeers() throws {
    let harness = try RestartHarness {
      $0.proxyProtocol = true
      $0.maxPeersPerCircuit = 2
    }
    let peers = [harness.connect(), harness.connect(), harness.connect()]
    for peer in peers.prefix(2) { peer.send(Self.proxyLine(7)) }
    try harness.restart()
    peers[2].send(Self.proxyLine(7))
    peers[2].expectClosed()
    #expect(harness.node.directory.registry.connections(of: CircuitID(value: 7)) == 2)
  }

  private func halfLine() throws {
    let harness = try RestartHarness()
    let sender = try harness.join(1)
    let reader = try harness.join(2)
    let frame = DirectoryHarness.frame(687, "\(sender.nick)!PUBLIC!hello") + "\r\n"
    sender.send(String(frame.prefix(30)))
    try harness.restart()
    reader.expectQuiet()
    sender.send(String(frame.dropFirst(30)))
    reader.expectPublic("hello", from: sender)
    sender.expectQuiet()
  }

  /// Bytes in the kernel's buffer follow the bytes in the image, in order.
  private func linesBehindAHalfLine() throws {
    let harness = try RestartHarness()
    let sender = try harness.join(1)
    let reader = try harness.join(2)
    let frame = DirectoryHarness.frame(687, "\(sender.nick)!PUBLIC!1") + "\r\n"
    sender.send(String(frame.prefix(30)))
    sender.socket.write(String(frame.dropFirst(30)))
    sender.socket.write(DirectoryHarness.frame(687, "\(sender.nick)!PUBLIC!2") + "\r\n")
    try harness.restart()
    reader.expectPublic("1", from: sender)
    reader.expectPublic("2", from: sender)
    reader.expectQuiet()
  }

  private func privateLines() throws {
    let harness = try RestartHarness()
    let sender = try harness.join(1, at: "a.test:1", ["ping", "peerlist_features"])
    let receiver = try harness.join(2, ["ping", "peerlist_features"])
    for number in 0..<20 {
      sender.send(685, "\(sender.nick)!\(receiver.nick)!n \(number)")
      if number % 5 == 2 { try harness.restart() }
    }
    for number in 0..<20 {
      receiver.expect(
        DirectoryHarness.frame(685, "\(sender.nick)!\(receiver.nick)!n \(number)"))
      receiver.expect(
        DirectoryHarness.frame(789, "\(sender.nick);a.test:1;F:peerlist_features+ping"))
    }
    receiver.expectQuiet()
  }

  /// A backlog of more than one segment of the output buffer, which begins in the middle of a line.
  private func backlog() throws {
    let harness = try RestartHarness {
      $0.messageRateLimit = 0
      $0.publicRateLimit = 0
      $0.publicBytesLimit = .kibibytes(0)
    }
    let sender = try harness.join(1)
    let reader = try harness.join(2, buffer: 4_608)
    let padding = String(repeating: "x", count: 900)
    for number in 0..<250 { sender.sendPublic("\(number) \(padding)") }
    // No reference to the session is kept: it would continue to send.
    let backlog = harness.session(of: reader)?.backlog ?? 0
    #expect(backlog > 100_000)
    let id = try #require(harness.session(of: reader)?.id)
    let progressAt = try #require(harness.node.backlogs.progress(of: id)).progressAt
    try harness.restart()
    let restored = try #require(harness.session(of: reader))
    #expect(restored.backlog == backlog && harness.node.backlogs.total == restored.backlogMemory)
    #expect(harness.node.backlogs.progress(of: restored.id)?.progressAt == progressAt)
    sender.sendPublic("last")
    for number in 0..<250 { reader.expectPublic("\(number) \(padding)", from: sender) }
    reader.expectPublic("last", from: sender)
    reader.expectQuiet()
    #expect(harness.node.backlogs.total == 0)
  }

  private func peerlist() throws {
    let harness = try RestartHarness { $0.publicRateLimit = 0 }
    var makers: [RestartPeer] = []
    for number in 0..<600 { makers.append(try harness.join(number, at: "host\(number).test:1")) }
    let asker = try harness.join(1_000, buffer: 4_608)
    asker.send(791, "")
    #expect(harness.node.peerlists.count == 1)
    try harness.restart()
    #expect(harness.node.peerlists.count == 1)
    var listed: [Substring] = []
    while listed.count < 600, let frame = asker.next() {
      let line = frame.dropFirst(#"{"type": 789, "line": ""#.count).dropLast(2)
      listed += line.split(separator: ",")
    }
    #expect(Set(listed).count == 600 && listed.count == 600)
    #expect(listed.contains("\(makers[599].nick);host599.test:1"))
    asker.expectQuiet()
  }

  private func takeover(isAnswered: Bool) throws {
    let harness = try RestartHarness {
      $0.nickChallengeTimeout = .seconds(isAnswered ? 10 : 0.2)
    }
    let holder = try harness.join(1)
    let claimant = harness.connect()
    claimant.nick = holder.nick
    claimant.send(793, DirectoryHarness.handshake(holder.nick, ["ping"]))
    holder.expect(DirectoryHarness.ping)
    try harness.restart()
    #expect(harness.node.directory.takeovers.count == 1)
    if isAnswered {
      holder.send(799, "")
      claimant.expect(
        DirectoryHarness.reply(
          accepted: false, "Rejected: Peer nick already registered: \(holder.nick)"))
      claimant.expectClosed()
      holder.expectQuiet()
    } else {
      claimant.expect(Self.welcome)
      holder.expectClosed()
      claimant.expectQuiet()
    }
  }

  private func takeoverWithLinesBehind() throws {
    let harness = try RestartHarness { $0.nickChallengeTimeout = .seconds(0.2) }
    let reader = try harness.join(2)
    let holder = try harness.join(1)
    let claimant = harness.connect()
    claimant.nick = holder.nick
    claimant.send(793, DirectoryHarness.handshake(holder.nick, ["ping"]))
    claimant.sendPublic("early")
    try harness.restart()
    claimant.expect(Self.welcome)
    reader.expectPublic("early", from: claimant)
    reader.expectQuiet()
  }

  private func challenge(in frame: String?) throws -> String {
    let start = #"{"type": 803, "line": "{\"challenge\":\""#
    return String(try #require(frame).dropFirst(start.count).prefix(64))
  }

  private func asked(_ harness: RestartHarness, _ key: NickKey) throws -> (RestartPeer, String) {
    let peer = harness.connect()
    peer.nick = key.nick
    let hello = DirectoryHarness.handshake(key.nick, ["nick_auth", "ping"])
    peer.send(793, hello)
    peer.expect(DirectoryHarness.reply(accepted: true, "hello", asksForProofs: true))
    let line = key.proof(
      of: hello, challenge: try challenge(in: peer.next()), directory: RestartHarness.directoryID)
    return (peer, DirectoryHarness.frame(805, line) + "\r\n")
  }

  private static let proved = DirectoryHarness.frame(807, #"{"code":"ok","verified":true}"#)

  private func proof(cutAt length: Int) throws {
    let harness = try RestartHarness(provesNicks: true)
    let (peer, frame) = try asked(harness, NickKey())
    if length > 0 { peer.send(String(frame.prefix(length))) }
    try harness.restart()
    peer.send(String(frame.dropFirst(length)))
    peer.expect(Self.proved)
    peer.expectQuiet()
  }

  /// Only a proof by its own key takes over the nick, and the holder is not probed.
  private func verifiedNick() throws {
    let harness = try RestartHarness(provesNicks: true)
    let key = NickKey()
    let (peer, frame) = try asked(harness, key)
    peer.send(frame)
    peer.expect(Self.proved)
    try harness.restart()
    let impostor = harness.connect()
    impostor.send(793, DirectoryHarness.handshake(key.nick, ["ping"]))
    impostor.expect(
      DirectoryHarness.reply(
        accepted: false, "Rejected: Peer nick already registered: \(key.nick)",
        asksForProofs: true))
    peer.expectQuiet()
    let (again, proof) = try asked(harness, key)
    again.send(proof)
    again.expect(Self.proved)
    peer.expectClosed()
  }

  private func delayedBroadcasts() throws {
    let harness = try RestartHarness {
      $0.fanoutRateLimit = 4
      $0.publicRateLimit = 0
    }
    let sender = try harness.join(1)
    let reader = try harness.join(2)
    for number in 0..<10 { sender.sendPublic("\(number)") }
    let waiting = harness.node.directory.publicLines.count
    #expect(waiting > 0)
    try harness.restart()
    #expect(harness.node.directory.publicLines.count <= waiting)
    for number in 0..<10 { reader.expectPublic("\(number)", from: sender) }
    reader.expectQuiet()
  }

  private func rateDebts() throws {
    let harness = try RestartHarness { $0.orderbookRateLimit = 2 }
    let sender = try harness.join(1)
    let reader = try harness.join(2)
    for _ in 0..<2 { sender.sendPublic("orderbook") }
    try harness.restart()
    sender.sendPublic("orderbook")
    #expect(harness.node.directory.counters.dropped[.orderbookRate] == 1)
    for _ in 0..<2 { reader.expectPublic("orderbook", from: sender) }
    reader.expectQuiet()
  }

  private func probeSent() throws {
    let harness = try RestartHarness {
      $0.heartbeat.sweepInterval = .seconds(0.1)
      $0.heartbeat.idleThreshold = .seconds(0.2)
      $0.heartbeat.pongWait = .seconds(2)
    }
    let answers = try harness.join(1)
    let silent = try harness.join(2)
    answers.expect(DirectoryHarness.ping)
    silent.expect(DirectoryHarness.ping)
    // Prevents a second probe.
    harness.settings.heartbeat.idleThreshold = .seconds(600)
    try harness.restart()
    #expect(harness.node.directory.heartbeat.oldestProbe != nil)
    answers.send(799, "")
    silent.expectClosed()
    #expect(harness.node.directory.counters.closed[.pongTimeout] == 1)
    #expect(harness.session(of: answers) != nil)
  }

  private func lingeringClose() throws {
    let harness = try RestartHarness()
    let holder = try harness.join(1)
    let rejected = harness.connect()
    // The rejected connection lingers until its peer closes it.
    rejected.send(793, DirectoryHarness.handshake(holder.nick, app: "other"))
    #expect(harness.node.sessions.lingeringCount == 1)
    try harness.restart()
    #expect(harness.node.sessions.lingeringCount == 1)
    #expect(try #require(rejected.next()).contains("Rejected: unknown application"))
    rejected.expectClosed()
    holder.expectQuiet()
  }

  private func offersAndListing() throws {
    let harness = try RestartHarness()
    let maker = try harness.join(1, at: "a.test:1")
    let announcer = try harness.join(2)
    announcer.sendPublic("sw0reloffer 0 1 2")
    maker.expectPublic("sw0reloffer 0 1 2", from: announcer)
    try harness.restart()
    let asker = try harness.join(3)
    asker.send(791, "")
    asker.expect(
      DirectoryHarness.frame(
        789, "\(maker.nick);a.test:1,\(announcer.nick);NOT-SERVING-ONION"))
    let slot = try #require(harness.session(of: announcer)).id.slot
    #expect(harness.node.directory.registry.slots[Int(slot)].offers.count == 1)
    maker.socket.close()
    asker.expect(DirectoryHarness.frame(789, "\(maker.nick);a.test:1;D"))
  }

  private func longLinesWithheld() throws {
    let harness = try RestartHarness()
    let sender = try harness.join(1)
    let old = try harness.join(2, [])
    let modern = try harness.join(3)
    try harness.restart()
    let text = String(repeating: "x", count: 41_000)
    sender.sendPublic(text)
    modern.expectPublic(text, from: sender)
    old.expectQuiet()
  }
}
