import Foundation
import Glibc
import TestSupport
import Testing

private func replacing(_ bytes: [UInt8], at place: Int, by byte: UInt8) -> [UInt8] {
  var bytes = bytes
  bytes[place] = byte
  return bytes
}

extension ProductTests.Restart.FailureTests {
  static let images: [(name: String, change: @Sendable ([UInt8]) -> [[UInt8]], reason: String)] =
    [
      ("newer", { [replacing($0, at: 8, by: 99)] }, "of version 99, this relay reads 1"),
      ("older", { [replacing($0, at: 8, by: 0)] }, "of version 0, this relay reads 1"),
      ("without its end", { [$0.dropLast(10)].map(Array.init) }, "truncated"),
      ("only its beginning", { [Array($0.prefix(20))] }, "truncated"),
      ("empty", { _ in [[]] }, "not a state image"),
      ("something else", { $0.isEmpty ? [] : [Array("GET /".utf8)] }, "not a state image"),
      (
        "damaged", { [replacing($0, at: $0.count / 2, by: ~$0[$0.count / 2])] },
        "damaged: its checksum is wrong"
      ),
      ("missing", { _ in [] }, "0 state images, one is needed"),
      ("there twice", { [$0, $0] }, "2 state images, one is needed"),
    ]

  @Test("an image that cannot be used", arguments: images.indices)
  func badImage(number: Int) throws {
    let (_, change, reason) = Self.images[number]
    try begin()
    faulty = try FaultyStore(at: site.storePath, .image(change))
    try handOver()
    try expectEmptyStartThenClosed(
      "the state of the last process cannot be used: starting empty", reason)
    // The store is empty, so the next restart is unaffected.
    #expect(try StoreClient(site.storePath).ask(StoreClient.fetch).0 == StoreClient.number(0))
  }

  @Test("an image that another process could still change")
  func unsealed() throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .unsealed)
    try handOver()
    try expectEmptyStartThenClosed(
      "the state of the last process cannot be used: starting empty",
      "the state image is not sealed memory")
  }

  @Test("a relay of another network takes nothing over")
  func otherNetwork() throws {
    let store = try site.store()
    try begin()
    try handOver()
    running = try RelayProcess(site.settings.merging(["NETWORK": "testnet"]) { $1 })
    expectWarning(
      "the state of the last process cannot be used: starting empty",
      "of another Bitcoin network", #_sourceLocation)
    try expectAllClosed()
    #expect(store.log.contains("descriptors were fetched"))
  }

  @Test("a peer's descriptor is missing: that one is closed and the others go on")
  func missingPeer() throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .lost("p"))
    try handOver()
    try takeOver(lost: 1)
    faulty = nil
    var (lost, told): ([Int], [String]) = ([], [])
    for (number, peer) in peers.enumerated() {
      do { told.append(try peer.nextFrame(within: 30)) } catch { lost.append(number) }
    }
    #expect(lost.count == 1)
    let departure = Hello.maker(try #require(lost.first) + 1).departure
    #expect(told == [departure, departure])
    peers.remove(at: try #require(lost.first))
    try expectAllGoOn()
  }

  @Test("a listener's descriptor is missing: the relay opens a new one", arguments: ["l", "s"])
  func missingListener(name: String) throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .lost(Character(name)))
    try handOver()
    try takeOver()
    try expectAllGoOn()
    peers += [
      try TestPeer(to: relay, .taker(11)),
      try TestPeer(to: relay, .taker(12), at: .unix(site.unixPath)),
    ]
    try expectAllGoOn()
  }

  @Test("the departure of a peer that leaves meanwhile is sent once")
  func peerLeaves() throws {
    let store = try site.store()
    try begin()
    try handOver()
    peers.removeFirst().close()
    try takeOver()
    for peer in peers { try peer.expect(Hello.maker(1).departure) }
    try expectAllGoOn()
    #expect(!store.child.hasExited)
  }
}
