/// Admission (protocol.md §3): every answer to a handshake with its reason, the limits, and the
/// timeout of a pending connection.
import Testing

@testable import Directory
@testable import Wire

@Suite("Admission to the directory")
struct AdmissionTests {
  /// An onion with a valid checksum, and the same with an invalid one.
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
    let harness = DirectoryHarness(network: .mainnet)
    let id = try #require(harness.connect())
    harness.send(793, row.line, from: id)
    #expect(
      harness.read(id) == [
        DirectoryHarness.reply(
          accepted: false, "Rejected: \(row.reason.reason)", network: "mainnet")
      ])
    #expect(harness.endings[id] == .rejected && harness.flushed.contains(id))
    #expect(harness.directory.counters.rejected[.handshake(row.reason)] == 1)
    #expect(harness.directory.registry.isEmpty)
  }

  @Test(
    "a location that is no endpoint is noted, NOT-SERVING-ONION is not",
    arguments: [
      ("", true), ("host.test", true), ("host.test:0", true), ("NOT-SERVING-ONION", false),
    ])
  func unusableLocation(_ location: String, _ isNoted: Bool) throws {
    let harness = DirectoryHarness(network: .mainnet)
    let id = try #require(harness.connect())
    harness.send(
      793, DirectoryHarness.handshake(DirectoryHarness.nick(1), at: location, network: "mainnet"),
      from: id)
    #expect(harness.noted.contains(id) == isNoted)
  }

  @Test(
    "these handshakes are accepted",
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
    let harness = DirectoryHarness(network: .mainnet, motd: "welcome")
    let id = try #require(harness.connect())
    harness.send(793, line, from: id)
    #expect(
      harness.read(id) == [DirectoryHarness.reply(accepted: true, "welcome", network: "mainnet")])
    #expect(harness.endings.isEmpty && harness.subscribers[id] != nil)
    #expect(harness.directory.registry.peerCount == 1)
  }

  @Test(
    "a first frame that is no handshake closes the connection without an answer",
    arguments: [
      (687, "x!PUBLIC!y"), (798, ""), (791, ""), (801, ""), (793, "hello"), (793, "[]"), (793, ""),
      (795, "{}"), (805, "{}"), (4_242, ""),
    ])
  func notAHandshake(_ code: Int, _ line: String) throws {
    let harness = DirectoryHarness()
    let id = try #require(harness.connect())
    harness.send(code, line, from: id)
    #expect(harness.read(id).isEmpty)
    #expect(harness.endings[id] == .malformed && !harness.flushed.contains(id))
  }

  @Test("features that would forge a peerlist or are not true are left out")
  func features() throws {
    let harness = DirectoryHarness()
    let reader = harness.join(DirectoryHarness.nick(0), ["peerlist_features"])
    let id = try #require(harness.connect())
    let line = DirectoryHarness.handshake(
      DirectoryHarness.nick(1), at: "a.test:1", ["ping", "x;D", "a,b", "a+b", "", "v-1."]
    )
    .replacing("\"ping\": true", with: "\"ping\": true, \"off\": false, \"one\": 1")
    harness.send(793, line, from: id)
    #expect(
      harness.list(reader) == [
        DirectoryHarness.frame(789, "\(DirectoryHarness.nick(1));a.test:1;F:ping+v-1.")
      ])
  }

  @Test("no peer gets the relay's own nick")
  func relaysNick() throws {
    let harness = DirectoryHarness()
    let id = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.relayNick), from: id)
    #expect(
      harness.read(id) == [
        DirectoryHarness.reply(
          accepted: false, "Rejected: Peer nick already registered: \(DirectoryHarness.relayNick)")
      ])
    #expect(harness.endings[id] == .rejected)
  }

  @Test("a second handshake is ignored")
  func again() {
    let harness = DirectoryHarness()
    let id = harness.join(DirectoryHarness.nick(1))
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(2)), from: id)
    #expect(harness.read(id).isEmpty && harness.nick(id) == DirectoryHarness.nick(1))
    #expect(harness.dropped(.ignoredType) == 1)
  }

  @Test("at MAX_PEERS the next peer is rejected as full, and one that leaves makes room for one")
  func full() throws {
    var limits = Limits()
    limits.peers = 2
    let harness = DirectoryHarness(limits: limits)
    let first = harness.join(DirectoryHarness.nick(1))
    let second = harness.join(DirectoryHarness.nick(2))
    // No peer can be evicted: the first is in the older half, the second has an offer.
    harness.send(687, "\(DirectoryHarness.nick(2))!PUBLIC!sw0reloffer 0 1 2 3 4", from: second)
    let third = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(3)), from: third)
    #expect(
      harness.read(third) == [
        DirectoryHarness.reply(accepted: false, "Rejected: Maximum peers reached: 2")
      ])
    #expect(harness.endings[third] == .full)
    harness.leave(first)
    let fourth = harness.join(DirectoryHarness.nick(3))
    #expect(harness.subscribers[fourth] != nil)
  }

  @Test("MAX_PENDING pending connections at most; peers after their handshake do not count")
  func pending() throws {
    var limits = Limits()
    limits.pending = 2
    let harness = DirectoryHarness(limits: limits)
    harness.join(DirectoryHarness.nick(1))
    let first = try #require(harness.connect())
    harness.skip(.seconds(1))
    let second = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(2)), from: second)
    let third = try #require(harness.connect())
    #expect(harness.isHere(first) && harness.directory.registry.pendingCount == 2)
    // One more connection evicts the oldest pending one.
    _ = try #require(harness.connect())
    #expect(harness.endings[first] == .evicted && harness.isHere(third))
    #expect(harness.directory.registry.pendingCount == 2)
  }

  @Test("a pending connection has 30 s for its handshake; what it sends does not extend them")
  func handshakeTime() throws {
    let harness = DirectoryHarness()
    let early = try #require(harness.connect())
    harness.wait(.seconds(10))
    let late = try #require(harness.connect())
    harness.wait(.milliseconds(19_999))
    #expect(harness.isHere(early))
    harness.pass(.milliseconds(1))
    #expect(harness.endings[early] == .handshakeTimeout && harness.read(early).isEmpty)
    #expect(harness.isHere(late))
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(1)), from: late)
    harness.wait(.seconds(60))
    #expect(harness.isHere(late))
  }

  @Test("no peer is accepted while the directory stops")
  func stopping() throws {
    let harness = DirectoryHarness()
    let maker = harness.join(DirectoryHarness.nick(1), at: "a.test:1")
    let taker = harness.join(DirectoryHarness.nick(2))
    let id = try #require(harness.connect())
    harness.directory.stop()
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(3)), from: id)
    #expect(
      harness.read(id) == [
        DirectoryHarness.reply(accepted: false, "Rejected: the directory is stopping")
      ])
    #expect(harness.endings[id] == .shutdown)
    harness.leave(maker, .shutdown)
    #expect(harness.read(taker).isEmpty)
  }

  @Test("a circuit holds at most eight places, and a freed place can be taken")
  func circuits() throws {
    let harness = DirectoryHarness()
    var ids: [PeerID] = []
    for _ in 0..<8 {
      let id = try #require(harness.connect())
      harness.identify(id, circuit: 7)
      ids.append(id)
    }
    #expect(harness.endings.isEmpty)
    let ninth = try #require(harness.connect())
    harness.identify(ninth, circuit: 7)
    #expect(harness.endings[ninth] == .circuitFull)
    let other = try #require(harness.connect())
    harness.identify(other, circuit: 8)
    #expect(harness.isHere(other))
    harness.leave(ids[0])
    let again = try #require(harness.connect())
    harness.identify(again, circuit: 7)
    #expect(harness.isHere(again))
    for id in ids + [other, again] { harness.leave(id) }
    #expect(harness.directory.registry.isEmpty)
  }

  @Test("a slot that is used again does not answer to its old id")
  func generations() throws {
    let harness = DirectoryHarness()
    let old = try #require(harness.connect())
    harness.leave(old)
    let new = try #require(harness.connect())
    #expect(new.slot == old.slot && new != old)
    harness.leave(old)
    harness.send(798, "", from: old)
    #expect(harness.isHere(new) && !harness.isHere(old))
  }
}
