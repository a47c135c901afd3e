/// Which peer gets which line (protocol.md §2, §4, §5).
import Testing

@testable import Directory

@Suite("Forwarding of lines")
struct PassingOnTests {
  let harness = DirectoryHarness()
  let maker: PeerID
  let taker: PeerID
  let modern: PeerID
  static let makerNick = DirectoryHarness.nick(1)
  static let takerNick = DirectoryHarness.nick(2)
  static let modernNick = DirectoryHarness.nick(3)

  init() {
    maker = harness.join(Self.makerNick, at: "maker.test:5222", ["ping"])
    taker = harness.join(Self.takerNick)
    modern = harness.join(Self.modernNick, ["peerlist_features"])
  }

  @Test("a public line reaches all peers except its sender")
  func publicLine() throws {
    let newPeer = try #require(harness.connect())
    harness.send(687, "\(Self.takerNick)!PUBLIC!orderbook", from: taker)
    let frame = DirectoryHarness.frame(687, "\(Self.takerNick)!PUBLIC!orderbook")
    #expect(harness.read(maker) == [frame] && harness.read(modern) == [frame])
    #expect(harness.read(taker).isEmpty && harness.read(newPeer).isEmpty)
  }

  @Test("a frame in another form is forwarded in canonical form")
  func canonical() {
    harness.receive(
      #"{"line":"\#(Self.takerNick)!PUBLIC!\u0068i é", "id": 3, "type":687}"#, from: taker)
    #expect(
      harness.read(maker) == [#"{"type": 687, "line": "\#(Self.takerNick)!PUBLIC!hi \u00e9"}"#])
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
    harness.send(687, line, from: taker)
    #expect(
      harness.read(maker).isEmpty && harness.read(modern).isEmpty && harness.read(taker).isEmpty)
    #expect(harness.dropped(reason) == 1 && harness.endings.isEmpty)
  }

  @Test(
    "a private line of a maker is followed by its entry, with features for those that know them"
  )
  func privateLine() {
    harness.send(685, "\(Self.makerNick)!\(Self.takerNick)!pubkey a", from: maker)
    #expect(
      harness.read(taker) == [
        DirectoryHarness.frame(685, "\(Self.makerNick)!\(Self.takerNick)!pubkey a"),
        DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222"),
      ])
    harness.send(685, "\(Self.makerNick)!\(Self.modernNick)!pubkey a", from: maker)
    #expect(
      harness.read(modern).last
        == DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222;F:ping"))
    #expect(harness.read(taker).isEmpty && harness.read(maker).isEmpty)
  }

  @Test("a private line of a peer without an onion has no entry after it, even if it has an offer")
  func takersLine() {
    harness.send(687, "\(Self.takerNick)!PUBLIC!reloffer 0 1", from: taker)
    harness.forgetAll()
    harness.send(685, "\(Self.takerNick)!\(Self.makerNick)!fill", from: taker)
    #expect(
      harness.read(maker) == [
        DirectoryHarness.frame(685, "\(Self.takerNick)!\(Self.makerNick)!fill")
      ]
    )
  }

  @Test(
    "a private line that is forged or has no receiver reaches nobody and is counted",
    arguments: [
      ("\(takerNick)!\(takerNick)!x", DropReason.forgedSender),
      ("\(makerNick)!\(DirectoryHarness.nick(9))!x", .unknownRecipient),
      ("\(makerNick)!someone!x", .unknownRecipient), ("\(makerNick)!PUBLIC!x", .unknownRecipient),
      ("\(makerNick)!\(DirectoryHarness.relayNick)!x", .toRelay),
      ("\(makerNick)!\(takerNick)", .malformedLine),
      ("\(makerNick)!\(takerNick)!", .malformedLine),
    ])
  func badPrivateLine(_ line: String, _ reason: DropReason) {
    harness.send(685, line, from: maker)
    for id in [maker, taker, modern] { #expect(harness.read(id).isEmpty) }
    #expect(harness.dropped(reason) == 1 && harness.endings.isEmpty)
  }

  @Test("a line to oneself is delivered")
  func toOneself() {
    harness.send(685, "\(Self.takerNick)!\(Self.takerNick)!x", from: taker)
    #expect(
      harness.read(taker) == [DirectoryHarness.frame(685, "\(Self.takerNick)!\(Self.takerNick)!x")])
  }

  @Test("frames over 40,000 bytes are not sent to clients that would close on them")
  func longFrames() {
    let prefix = "\(Self.makerNick)!\(Self.takerNick)!"
    let overhead = DirectoryHarness.frame(685, prefix).utf8.count
    let longest = prefix + String(repeating: "x", count: 40_000 - overhead)
    harness.send(685, longest, from: maker)
    #expect(harness.read(taker).count == 2)
    harness.send(685, longest + "x", from: maker)
    #expect(harness.read(taker).isEmpty && harness.dropped(.tooLongForClient) == 1)
    harness.send(687, "\(Self.makerNick)!PUBLIC!" + longest, from: maker)
    #expect(harness.read(taker).isEmpty && harness.read(modern).count == 1)
  }

  @Test("a line that is over the limit in canonical form reaches nobody", arguments: [685, 687])
  func longCanonical(_ code: Int) {
    let to = code == 685 ? Self.modernNick : "PUBLIC"
    // A character of two bytes on arrival and six in canonical form.
    for count in [10_900, 11_000] {
      harness.receive(
        "{\"type\": \(code), \"line\": \"\(Self.makerNick)!\(to)!"
          + String(repeating: "\u{e9}", count: count) + "\"}", from: maker)
    }
    #expect(harness.read(modern).count == (code == 685 ? 2 : 1))
    #expect(harness.dropped(.tooLongCanonical) == 1 && harness.endings.isEmpty)
  }

  @Test("ping is answered with pong, and only ping")
  func ping() {
    harness.send(798, "", from: taker)
    harness.send(798, "anything", from: taker)
    #expect(harness.read(taker) == [DirectoryHarness.pong, DirectoryHarness.pong])
    for code in [799, 797, 785, 787, 789, 795, 0, 12_345, 4_294_967_295] {
      harness.send(code, "", from: taker)
    }
    #expect(harness.read(taker).isEmpty && harness.endings.isEmpty)
    #expect(harness.dropped(.ignoredType) == 6 && harness.dropped(.unknownType) == 3)
  }

  @Test(
    "frames of nick authentication out of their order end the connection",
    arguments: [803, 805, 807])
  func outOfOrder(_ code: Int) {
    harness.send(code, "{}", from: taker)
    #expect(harness.endings[taker] == .malformed)
  }

  @Test("DISCONNECT closes, whatever the limits, and the D entry of a listed peer is sent")
  func disconnect() {
    harness.directory.limits.messages = Rate(count: 1, per: .seconds(1), burst: 1)
    harness.send(798, "", from: maker)
    harness.send(798, "", from: maker)
    harness.send(801, "", from: maker)
    #expect(harness.endings[maker] == .disconnectMessage)
    #expect(
      harness.read(taker) == [DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222;D")])
    #expect(
      harness.read(modern) == [DirectoryHarness.frame(789, "\(Self.makerNick);maker.test:5222;D")])
  }

  @Test("no D entry is sent for a peer that is not listed")
  func quietLeave() {
    harness.leave(taker)
    #expect(harness.read(maker).isEmpty && harness.read(modern).isEmpty)
    harness.send(687, "\(Self.modernNick)!PUBLIC!reloffer 0", from: modern)
    harness.forgetAll()
    harness.leave(modern)
    #expect(
      harness.read(maker) == [DirectoryHarness.frame(789, "\(Self.modernNick);NOT-SERVING-ONION;D")]
    )
  }

  // MARK: Offers

  private func offers(_ id: PeerID) -> Int {
    harness.directory.registry.index(of: id).map { harness.directory.registry[$0].offers.count }
      ?? -1
  }

  @Test(
    "every offer command is counted",
    arguments: [
      "sw0reloffer", "sw0absoffer", "swreloffer", "swabsoffer", "reloffer", "absoffer", "relorder",
      "absorder",
    ])
  func offerCommands(_ command: String) {
    harness.send(687, "\(Self.makerNick)!PUBLIC!\(command) 3 1 2 3", from: maker)
    #expect(offers(maker) == 1)
    harness.send(687, "\(Self.makerNick)!PUBLIC!\(command) 3 9 9 9", from: maker)
    #expect(offers(maker) == 1)
    harness.send(687, "\(Self.makerNick)!PUBLIC!cancel 4!cancel 3", from: maker)
    #expect(offers(maker) == 0)
  }

  @Test("several offers in a line count, at most 64 a peer, and are removed with the peer")
  func manyOffers() {
    let line = (0..<63).map { "reloffer \($0) 1" }.joined(separator: "!")
    harness.send(687, "\(Self.makerNick)!PUBLIC!" + line, from: maker)
    #expect(offers(maker) == 63)
    harness.send(
      687, "\(Self.makerNick)!PUBLIC!absoffer 100!absoffer 101!absoffer 102", from: maker)
    #expect(offers(maker) == 64)
    harness.leave(maker)
    let again = harness.join(Self.makerNick, at: "maker.test:5222")
    #expect(offers(again) == 0)
  }

  @Test("a line that only resembles an offer is not counted, and neither is a private offer")
  func notOffers() {
    for text in ["offer 1", "reloffer", "RELOFFER 1", "hello reloffer 1"] {
      harness.send(687, "\(Self.takerNick)!PUBLIC!\(text)", from: taker)
    }
    harness.send(685, "\(Self.takerNick)!\(Self.makerNick)!reloffer 1 2", from: taker)
    #expect(offers(taker) == 0)
    #expect(harness.list(modern).first?.contains(Self.takerNick) == false)
  }
}
