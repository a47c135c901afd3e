import Testing

@testable import Directory

@Suite("What a peer costs")
struct PeerCostTests {
  private func cost(_ stage: DirectoryHarness, _ id: PeerID) -> PeerCost? {
    stage.directory.registry.index(of: id)
      .flatMap { stage.directory.figures(at: $0, now: stage.now) }?.cost
  }

  @Test("frames, public lines, requests and deliveries are counted where they come from")
  func counted() {
    let stage = DirectoryHarness()
    let a = stage.join("J5aaaaaaaaaaaaaa")
    let b = stage.join("J5bbbbbbbbbbbbbb")
    stage.join("J5cccccccccccccc")
    stage.say(687, "J5aaaaaaaaaaaaaa!PUBLIC!!orderbook", from: a)
    stage.say(687, "J5aaaaaaaaaaaaaa!PUBLIC!hi", from: a)
    stage.say(685, "J5aaaaaaaaaaaaaa!J5bbbbbbbbbbbbbb!hi", from: a)
    stage.say(685, "J5aaaaaaaaaaaaaa!J5dddddddddddddd!to nobody", from: a)
    stage.say(687, "J5bbbbbbbbbbbbbb!PUBLIC!forged", from: a)
    let bytes = [
      DirectoryHarness.frame(687, "J5aaaaaaaaaaaaaa!PUBLIC!!orderbook"),
      DirectoryHarness.frame(687, "J5aaaaaaaaaaaaaa!PUBLIC!hi"),
    ].reduce(0) { $0 + $1.utf8.count }
    var expected = PeerCost()
    // The handshake is one of them.
    expected.frames = 6
    expected.publicLines = 2
    expected.publicBytes = bytes
    expected.orderbookRequests = 1
    expected.deliveries = 5
    #expect(cost(stage, a) == expected)
    var quiet = PeerCost()
    quiet.frames = 1
    #expect(cost(stage, b) == quiet)
  }

  @Test("a line that waits is counted when it goes out, and a new peer begins with nothing")
  func delayed() throws {
    var limits = Limits()
    limits.fanout = FanOutBudget.Limits(deliveries: 2, bytes: 0, orderbookRequests: 0)
    let stage = DirectoryHarness(limits: limits)
    let a = stage.join("J5aaaaaaaaaaaaaa")
    stage.join("J5bbbbbbbbbbbbbb")
    for text in ["1", "2", "3", "4", "5", "6"] {
      stage.say(687, "J5aaaaaaaaaaaaaa!PUBLIC!\(text)", from: a)
    }
    let atOnce = try #require(cost(stage, a)).deliveries
    #expect(atOnce < 6)
    stage.wait(.seconds(30))
    #expect(try #require(cost(stage, a)).deliveries == 6)
    stage.leave(a)
    let next = stage.join("J5aaaaaaaaaaaaaa")
    #expect(try #require(cost(stage, next)).deliveries == 0)
  }
}
