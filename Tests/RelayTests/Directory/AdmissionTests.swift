/// Getting in (protocol.md §3): every answer to a handshake with its reason, the caps, and the time
/// that a pending connection has.
import Testing

@testable import Directory
@testable import Wire

@Suite("Admission to the directory")
struct AdmissionTests {
  /// An onion with a right checksum, and the same with a wrong one.
  static let onion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion:5222"
  static let badOnion = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wie.onion:5222"

  static let rows: [(line: String, reason: HandshakeRejection)] = [
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), app: "bitcoin", network: "mainnet"),
      .appName
    ),
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), version: "6", network: "mainnet"),
      .protocolVersion
    ),
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), version: "\"5\"", network: "mainnet"),
      .protocolVersion
    ),
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), version: "5.0", network: "mainnet"),
      .protocolVersion
    ),
    (DirectoryHarness.handshake(DirectoryHarness.nick(1), network: "signet"), .network),
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), network: "mainnet", directory: "true"),
      .directory
    ),
    (DirectoryHarness.handshake("a;b,c", network: "mainnet"), .nick),
    (DirectoryHarness.handshake("J5aaaaaaaaaaaaa", network: "mainnet"), .nick),
    (DirectoryHarness.handshake("J5aaaaaaaaaaaaaaa", network: "mainnet"), .nick),
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), at: badOnion, network: "mainnet"),
      .location
    ),
    (
      DirectoryHarness.handshake(
        DirectoryHarness.nick(1), at: "host.test:5222", network: "mainnet"), .location
    ),
    (
      DirectoryHarness.handshake(DirectoryHarness.nick(1), network: "mainnet")
        .replacing("\"features\": {}", with: "\"features\": []"), .features
    ),
    (
      DirectoryHarness.handshake(
        DirectoryHarness.nick(1), (0..<33).map { "f\($0)" }, network: "mainnet"),
      .tooManyFeatures
    ),
  ]

  @Test("each fault of a handshake is answered with its reason, then closed", arguments: rows)
  func rejected(_ row: (line: String, reason: HandshakeRejection)) throws {
    let stage = DirectoryHarness(network: .mainnet)
    let id = try #require(stage.connect())
    stage.say(793, row.line, from: id)
    #expect(
      stage.read(id) == [
        DirectoryHarness.reply(
          accepted: false, "Rejected: \(row.reason.reason)", network: "mainnet")
      ])
    #expect(stage.endings[id] == .rejected && stage.flushed.contains(id))
    #expect(stage.directory.counters.rejected[.handshake(row.reason)] == 1)
    #expect(stage.directory.registry.isEmpty)
  }

  @Test(
    "a location that names no endpoint is noted, one that says so is not",
    arguments: [
      ("", true), ("host.test", true), ("host.test:0", true), ("NOT-SERVING-ONION", false),
    ])
  func unusableLocation(_ location: String, _ isNoted: Bool) throws {
    let stage = DirectoryHarness(network: .mainnet)
    let id = try #require(stage.connect())
    stage.say(
      793, DirectoryHarness.handshake(DirectoryHarness.nick(1), at: location, network: "mainnet"),
      from: id)
    #expect(stage.noted.contains(id) == isNoted)
  }

  @Test(
    "these are let in",
    arguments: [
      DirectoryHarness.handshake(DirectoryHarness.nick(1), network: "mainnet"),
      DirectoryHarness.handshake(
        DirectoryHarness.nick(1), at: onion, app: "JoinMarket", network: "MainNet"),
      DirectoryHarness.handshake(DirectoryHarness.nick(1), at: "", network: "mainnet"),
      DirectoryHarness.handshake(DirectoryHarness.nick(1), at: "host.test", network: "mainnet"),
      DirectoryHarness.handshake(DirectoryHarness.nick(1), at: "host.test:0", network: "mainnet"),
      DirectoryHarness.handshake(
        DirectoryHarness.nick(1), (0..<32).map { "f\($0)" }, network: "mainnet"),
      DirectoryHarness.handshake(DirectoryHarness.nick(1), network: "mainnet")
        .replacing("\"features\": {}, ", with: ""),
    ])
  func accepted(_ line: String) throws {
    let stage = DirectoryHarness(network: .mainnet, motd: "welcome")
    let id = try #require(stage.connect())
    stage.say(793, line, from: id)
    #expect(
      stage.read(id) == [DirectoryHarness.reply(accepted: true, "welcome", network: "mainnet")])
    #expect(stage.endings.isEmpty && stage.seats[id] != nil)
    #expect(stage.directory.registry.peerCount == 1)
  }

  @Test(
    "a first frame that is no handshake is closed without a word",
    arguments: [
      (687, "x!PUBLIC!y"), (798, ""), (791, ""), (801, ""), (793, "hello"), (793, "[]"), (793, ""),
      (795, "{}"), (805, "{}"), (4_242, ""),
    ])
  func notAHandshake(_ code: Int, _ line: String) throws {
    let stage = DirectoryHarness()
    let id = try #require(stage.connect())
    stage.say(code, line, from: id)
    #expect(stage.read(id).isEmpty)
    #expect(stage.endings[id] == .malformed && !stage.flushed.contains(id))
  }

  @Test("features that would forge a peerlist are left out, and those that are not true")
  func features() throws {
    let stage = DirectoryHarness()
    let reader = stage.join(DirectoryHarness.nick(0), ["peerlist_features"])
    let id = try #require(stage.connect())
    let line = DirectoryHarness.handshake(
      DirectoryHarness.nick(1), at: "a.test:1", ["ping", "x;D", "a,b", "a+b", "", "v-1."]
    )
    .replacing("\"ping\": true", with: "\"ping\": true, \"off\": false, \"one\": 1")
    stage.say(793, line, from: id)
    #expect(
      stage.list(reader) == [
        DirectoryHarness.frame(789, "\(DirectoryHarness.nick(1));a.test:1;F:ping+v-1.")
      ])
  }

  @Test("nobody bears the relay's own nick")
  func relaysNick() throws {
    let stage = DirectoryHarness()
    let id = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.relayNick), from: id)
    #expect(
      stage.read(id) == [
        DirectoryHarness.reply(
          accepted: false, "Rejected: Peer nick already registered: \(DirectoryHarness.relayNick)")
      ])
    #expect(stage.endings[id] == .rejected)
  }

  @Test("a second handshake is ignored")
  func again() {
    let stage = DirectoryHarness()
    let id = stage.join(DirectoryHarness.nick(1))
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(2)), from: id)
    #expect(stage.read(id).isEmpty && stage.nick(id) == DirectoryHarness.nick(1))
    #expect(stage.dropped(.ignoredType) == 1)
  }

  @Test("at MAX_PEERS the next is told so, and one leaving makes room for one")
  func full() throws {
    var limits = Limits()
    limits.peers = 2
    let stage = DirectoryHarness(limits: limits)
    let first = stage.join(DirectoryHarness.nick(1))
    let second = stage.join(DirectoryHarness.nick(2))
    // Nobody is displaced for the next: the first is of the older half, the second has an offer.
    stage.say(687, "\(DirectoryHarness.nick(2))!PUBLIC!sw0reloffer 0 1 2 3 4", from: second)
    let third = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(3)), from: third)
    #expect(
      stage.read(third) == [
        DirectoryHarness.reply(accepted: false, "Rejected: Maximum peers reached: 2")
      ])
    #expect(stage.endings[third] == .full)
    stage.leave(first)
    let fourth = stage.join(DirectoryHarness.nick(3))
    #expect(stage.seats[fourth] != nil)
  }

  @Test("MAX_PENDING pending connections at most; peers after their handshake do not count")
  func pending() throws {
    var limits = Limits()
    limits.pending = 2
    let stage = DirectoryHarness(limits: limits)
    stage.join(DirectoryHarness.nick(1))
    let first = try #require(stage.connect())
    stage.skip(.seconds(1))
    let second = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(2)), from: second)
    let third = try #require(stage.connect())
    #expect(stage.isHere(first) && stage.directory.registry.pendingCount == 2)
    // One more takes the place of the oldest.
    _ = try #require(stage.connect())
    #expect(stage.endings[first] == .evicted && stage.isHere(third))
    #expect(stage.directory.registry.pendingCount == 2)
  }

  @Test("a pending connection has 30 s for its handshake; what it sends does not extend them")
  func handshakeTime() throws {
    let stage = DirectoryHarness()
    let early = try #require(stage.connect())
    stage.wait(.seconds(10))
    let late = try #require(stage.connect())
    stage.wait(.milliseconds(19_999))
    #expect(stage.isHere(early))
    stage.pass(.milliseconds(1))
    #expect(stage.endings[early] == .handshakeTimeout && stage.read(early).isEmpty)
    #expect(stage.isHere(late))
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(1)), from: late)
    stage.wait(.seconds(60))
    #expect(stage.isHere(late))
  }

  @Test("nobody is let in while the directory stops")
  func stopping() throws {
    let stage = DirectoryHarness()
    let maker = stage.join(DirectoryHarness.nick(1), at: "a.test:1")
    let taker = stage.join(DirectoryHarness.nick(2))
    let id = try #require(stage.connect())
    stage.directory.stop()
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(3)), from: id)
    #expect(
      stage.read(id) == [
        DirectoryHarness.reply(accepted: false, "Rejected: the directory is stopping")
      ])
    #expect(stage.endings[id] == .shutdown)
    stage.leave(maker, .shutdown)
    #expect(stage.read(taker).isEmpty)
  }

  @Test("a circuit holds at most eight places, and a place given back can be taken")
  func circuits() throws {
    let stage = DirectoryHarness()
    var ids: [PeerID] = []
    for _ in 0..<8 {
      let id = try #require(stage.connect())
      stage.identify(id, circuit: 7)
      ids.append(id)
    }
    #expect(stage.endings.isEmpty)
    let ninth = try #require(stage.connect())
    stage.identify(ninth, circuit: 7)
    #expect(stage.endings[ninth] == .circuitFull)
    let other = try #require(stage.connect())
    stage.identify(other, circuit: 8)
    #expect(stage.isHere(other))
    stage.leave(ids[0])
    let again = try #require(stage.connect())
    stage.identify(again, circuit: 7)
    #expect(stage.isHere(again))
    for id in ids + [other, again] { stage.leave(id) }
    #expect(stage.directory.registry.isEmpty)
  }

  @Test("an identity that is given out again does not answer to its old name")
  func generations() throws {
    let stage = DirectoryHarness()
    let old = try #require(stage.connect())
    stage.leave(old)
    let new = try #require(stage.connect())
    #expect(new.slot == old.slot && new != old)
    stage.leave(old)
    stage.say(798, "", from: old)
    #expect(stage.isHere(new) && !stage.isHere(old))
  }
}
