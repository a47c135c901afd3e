import Testing

@testable import Directory

@Suite("The costs of a peer")
struct PeerCostTests {
  private func cost(_ harness: DirectoryHarness, _ id: PeerID) -> PeerCost? {
    harness.directory.registry.index(of: id)
      .flatMap { harness.directory.figures(at: $0, now: harness.now) }?.cost
  }

  @Test("frames, public lines, requests and deliveries are counted at their sender")
  func counted() {
    let harness = DirectoryHarness()
    let a = harness.join("J5aaaaaaaaaaaaaa")
    let b = harness.join("J5bbbbbbbbbbbbbb")
    harness.join("J5cccccccccccccc")
    harness.send(687, "J5aaaaaaaaaaaaaa!PUBLIC!!orderbook", from: a)
    harness.send(687, "J5aaaaaaaaaaaaaa!PUBLIC!hi", from: a)
    harness.send(685, "J5aaaaaaaaaaaaaa!J5bbbbbbbbbbbbbb!hi", from: a)
    harness.send(685, "J5aaaaaaaaaaaaaa!J5dddddddddddddd!to nobody", from: a)
    harness.send(687, "J5bbbbbbbbbbbbbb!PUBLIC!forged", from: a)
    let bytes = [
      DirectoryHarness.frame(687, "J5aaaaaaaaaaaaaa!PUBLIC!!orderbook"),
      DirectoryHarness.frame(687, "J5aaaaaaaaaaaaaa!PUBLIC!hi"),
    ].reduce(0) { $0 + $1.utf8.count }
    var expected = PeerCost()
    // The handshake is one of the frames.
    expected.frames = 6
    expected.publicLines = 2
    expected.publicBytes = bytes
    expected.orderbookRequests = 1
    expected.deliveries = 5
    #expect(cost(harness, a) == expected)
    var quiet = PeerCost()
    quiet.frames = 1
    #expect(cost(harness, b) == quiet)
  }

  @Test("a line that waits is counted when it is sent, and a new peer starts at zero")
  func delayed() throws {
    var limits = Limits()
    limits.fanout = FanOutBudget.Limits(deliveries: 2, bytes: 0, orderbookRequests: 0)
    let harness = DirectoryHarness(limits: limits)
    let a = harness.join("J5aaaaaaaaaaaaaa")
    harness.join("J5bbbbbbbbbbbbbb")
    for text in ["1", "2", "3", "4", "5", "6"] {
      harness.send(687, "J5aaaaaaaaaaaaaa!PUBLIC!\(text)", from: a)
    }
    let atOnce = try #require(cost(harness, a)).deliveries
    #expect(atOnce < 6)
    harness.wait(.seconds(30))
    #expect(try #require(cost(harness, a)).deliveries == 6)
    harness.leave(a)
    let next = harness.join("J5aaaaaaaaaaaaaa")
    #expect(try #require(cost(harness, next)).deliveries == 0)
  }
}
