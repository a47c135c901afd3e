/// Which peer gets which line (protocol.md §2, §4, §5).
import Testing

@testable import Directory

@Suite("Passing lines on")
struct PassingOnTests {
  let stage = DirectoryHarness()
  let maker: PeerID
  let taker: PeerID
  let modern: PeerID
  static let makerNick = DirectoryHarness.nick(1)
  static let takerNick = DirectoryHarness.nick(2)
  static let modernNick = DirectoryHarness.nick(3)

  init() {
    maker = stage.join(Self.makerNick, at: "maker.test:5222", ["ping"])
    taker = stage.join(Self.takerNick)
    modern = stage.join(Self.modernNick, ["peerlist_features"])
  }

  @Test("a public line reaches everyone but its sender")
  func publicLine() throws {
    let newPeer = try #require(stage.connect())
    stage.say(687, "\(Self.takerNick)!PUBLIC!orderbook", from: taker)
    let frame = DirectoryHarness.frame(687, "\(Self.takerNick)!PUBLIC!orderbook")
    #expect(stage.read(maker) == [frame] && stage.read(modern) == [frame])
    #expect(stage.read(taker).isEmpty && stage.read(newPeer).isEmpty)
  }

  @Test("a frame in another form leaves in the canonical one")
  func canonical() {
    stage.hear(
      #"{"line":"\#(Self.takerNick)!PUBLIC!\u0068i é", "id": 3, "type":687}"#, from: taker)
    #expect(stage.read(maker) == [#"{"type": 687, "line": "\#(Self.takerNick)!PUBLIC!hi \u00e9"}"#])
  }

  @Test(
    "a public line that is forged, not public or empty reaches nobody and is counted",
    arguments: [
      ("\(makerNick)!PUBLIC!orderbook", DropReason.forgedSender),
      ("!PUBLIC!orderbook", .forgedSender), (" \(takerNick)!PUBLIC!x", .forgedSender),
      ("\(takerNick)!\(makerNick)!orderbook", .malformedLine),
      ("\(takerNick)!public!orderbook", .malformedLine), ("\(takerNick)!PUBLIC", .malformedLine),
      ("\(takerNick)!PUBLIC!", .malformedLine), ("\(takerNick)!PUBLIC hello", .malformedLine),
      ("", .malformedLine),
    ])
  func badPublicLine(_ line: String, _ reason: DropReason) {
    stage.say(687, line, from: taker)
    #expect(stage.read(maker).isEmpty && stage.read(modern).isEmpty && stage.read(taker).isEmpty)
    #expect(stage.dropped(reason) == 1 && stage.endings.isEmpty)
  }

  @Test(
    "a private line of a maker is followed by its entry, with features for those that know them"
  )
  func privateLine() {
    stage.say(685, "\(Self.makerNick)!\(Self.takerNick)!pubkey a", from: maker)
    #expect(
      stage.read(taker) == [
        DirectoryHarness.frame(685, "\(Self.makerNick)!\(Self.takerNick)!pubkey a"),
        DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222"),
      ])
    stage.say(685, "\(Self.makerNick)!\(Self.modernNick)!pubkey a", from: maker)
    #expect(
      stage.read(modern).last
        == DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222;F:ping"))
    #expect(stage.read(taker).isEmpty && stage.read(maker).isEmpty)
  }

  @Test("a private line of a peer that serves no onion comes alone, even if it announced an offer")
  func takersLine() {
    stage.say(687, "\(Self.takerNick)!PUBLIC!reloffer 0 1", from: taker)
    stage.forgetAll()
    stage.say(685, "\(Self.takerNick)!\(Self.makerNick)!fill", from: taker)
    #expect(
      stage.read(maker) == [DirectoryHarness.frame(685, "\(Self.takerNick)!\(Self.makerNick)!fill")]
    )
  }

  @Test(
    "a private line that is forged or for nobody reaches nobody and is counted",
    arguments: [
      ("\(takerNick)!\(takerNick)!x", DropReason.forgedSender),
      ("\(makerNick)!\(DirectoryHarness.nick(9))!x", .unknownRecipient),
      ("\(makerNick)!someone!x", .unknownRecipient), ("\(makerNick)!PUBLIC!x", .unknownRecipient),
      ("\(makerNick)!\(DirectoryHarness.relayNick)!x", .toRelay),
      ("\(makerNick)!\(takerNick)", .malformedLine),
      ("\(makerNick)!\(takerNick)!", .malformedLine),
    ])
  func badPrivateLine(_ line: String, _ reason: DropReason) {
    stage.say(685, line, from: maker)
    for id in [maker, taker, modern] { #expect(stage.read(id).isEmpty) }
    #expect(stage.dropped(reason) == 1 && stage.endings.isEmpty)
  }

  @Test("a line to oneself is delivered")
  func toOneself() {
    stage.say(685, "\(Self.takerNick)!\(Self.takerNick)!x", from: taker)
    #expect(
      stage.read(taker) == [DirectoryHarness.frame(685, "\(Self.takerNick)!\(Self.takerNick)!x")])
  }

  @Test("frames over 40,000 bytes are kept from clients that would die of them")
  func longFrames() {
    let prefix = "\(Self.makerNick)!\(Self.takerNick)!"
    let overhead = DirectoryHarness.frame(685, prefix).utf8.count
    let longest = prefix + String(repeating: "x", count: 40_000 - overhead)
    stage.say(685, longest, from: maker)
    #expect(stage.read(taker).count == 2)
    stage.say(685, longest + "x", from: maker)
    #expect(stage.read(taker).isEmpty && stage.dropped(.tooLongForClient) == 1)
    stage.say(687, "\(Self.makerNick)!PUBLIC!" + longest, from: maker)
    #expect(stage.read(taker).isEmpty && stage.read(modern).count == 1)
  }

  @Test("a line that is over the limit in canonical form reaches nobody", arguments: [685, 687])
  func longCanonical(_ code: Int) {
    let to = code == 685 ? Self.modernNick : "PUBLIC"
    // Two bytes as they come, six as they would leave.
    for count in [10_900, 11_000] {
      stage.hear(
        "{\"type\": \(code), \"line\": \"\(Self.makerNick)!\(to)!"
          + String(repeating: "\u{e9}", count: count) + "\"}", from: maker)
    }
    #expect(stage.read(modern).count == (code == 685 ? 2 : 1))
    #expect(stage.dropped(.tooLongCanonical) == 1 && stage.endings.isEmpty)
  }

  @Test("ping is answered with pong, and only ping")
  func ping() {
    stage.say(798, "", from: taker)
    stage.say(798, "anything", from: taker)
    #expect(stage.read(taker) == [DirectoryHarness.pong, DirectoryHarness.pong])
    for code in [799, 797, 785, 787, 789, 795, 0, 12_345, 4_294_967_295] {
      stage.say(code, "", from: taker)
    }
    #expect(stage.read(taker).isEmpty && stage.endings.isEmpty)
    #expect(stage.dropped(.ignoredType) == 6 && stage.dropped(.unknownType) == 3)
  }

  @Test(
    "frames of nick authentication out of their order end the connection",
    arguments: [803, 805, 807])
  func outOfOrder(_ code: Int) {
    stage.say(code, "{}", from: taker)
    #expect(stage.endings[taker] == .malformed)
  }

  @Test("DISCONNECT closes, whatever the limits say, and everyone hears of a listed peer")
  func disconnect() {
    stage.directory.limits.messages = Rate(count: 1, per: .seconds(1), burst: 1)
    stage.say(798, "", from: maker)
    stage.say(798, "", from: maker)
    stage.say(801, "", from: maker)
    #expect(stage.endings[maker] == .disconnectMessage)
    #expect(
      stage.read(taker) == [DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222;D")])
    #expect(
      stage.read(modern) == [DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222;D")])
  }

  @Test("a peer that is not listed leaves without a word")
  func quietLeave() {
    stage.leave(taker)
    #expect(stage.read(maker).isEmpty && stage.read(modern).isEmpty)
    stage.say(687, "\(Self.modernNick)!PUBLIC!reloffer 0", from: modern)
    stage.forgetAll()
    stage.leave(modern)
    #expect(
      stage.read(maker) == [DirectoryHarness.frame(789, "\(Self.modernNick);NOT-SERVING-ONION;D")])
  }

  // MARK: Offers

  private func offers(_ id: PeerID) -> Int {
    stage.directory.registry.index(of: id).map { stage.directory.registry[$0].offers.count } ?? -1
  }

  @Test(
    "every offer command is counted",
    arguments: [
      "sw0reloffer", "sw0absoffer", "swreloffer", "swabsoffer", "reloffer", "absoffer", "relorder",
      "absorder",
    ])
  func offerCommands(_ command: String) {
    stage.say(687, "\(Self.makerNick)!PUBLIC!\(command) 3 1 2 3", from: maker)
    #expect(offers(maker) == 1)
    stage.say(687, "\(Self.makerNick)!PUBLIC!\(command) 3 9 9 9", from: maker)
    #expect(offers(maker) == 1)
    stage.say(687, "\(Self.makerNick)!PUBLIC!cancel 4!cancel 3", from: maker)
    #expect(offers(maker) == 0)
  }

  @Test("several offers in a line count, at most 64 a peer, and go with it")
  func manyOffers() {
    let line = (0..<63).map { "reloffer \($0) 1" }.joined(separator: "!")
    stage.say(687, "\(Self.makerNick)!PUBLIC!" + line, from: maker)
    #expect(offers(maker) == 63)
    stage.say(687, "\(Self.makerNick)!PUBLIC!absoffer 100!absoffer 101!absoffer 102", from: maker)
    #expect(offers(maker) == 64)
    stage.leave(maker)
    let again = stage.join(Self.makerNick, at: "maker.test:5222")
    #expect(offers(again) == 0)
  }

  @Test("what only looks like an offer is none, and a private one is not counted")
  func notOffers() {
    for text in ["offer 1", "reloffer", "RELOFFER 1", "hello reloffer 1"] {
      stage.say(687, "\(Self.takerNick)!PUBLIC!\(text)", from: taker)
    }
    stage.say(685, "\(Self.takerNick)!\(Self.makerNick)!reloffer 1 2", from: taker)
    #expect(offers(taker) == 0)
    #expect(stage.list(modern).first?.contains(Self.takerNick) == false)
  }
}
