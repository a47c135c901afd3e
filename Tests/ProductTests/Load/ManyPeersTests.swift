import Glibc
import Testing

extension ProductTests {
  @Suite("Many peers", .alone)
  struct ManyPeersTests {
    enum Kind: String, CaseIterable {
      case tcp, unix
    }

    private static let count = 10_000
    private static let bytesPerPeer = 3 * 1024

    @Test(
      "10,000 peers stay connected for little memory each, and /status answers meanwhile",
      arguments: Kind.allCases)
    func tenThousand(kind: Kind) throws {
      let limit = Self.raiseDescriptorLimit()
      let count = min(Self.count, limit - 500)
      #expect(count == Self.count, "the limit is \(limit) descriptors: the test is smaller")
      let directory = try TemporaryDirectory()
      let relay = try RelayProcess(["LISTEN_UNIX": directory.path + "/relay"])
      let place =
        kind == .tcp ? TestSocket.Address.tcp(try relay.port) : .unix(directory.path + "/relay")
      let before = relay.residentBytes
      var peers: [TestPeer] = []
      peers.reserveCapacity(count)
      while peers.count < count {
        let batch = try (peers.count..<min(count, peers.count + 100)).map { number in
          let peer = try TestPeer(place)
          try peer.send((number % 4 == 0 ? Hello.taker(number) : .maker(number)).frame)
          return peer
        }
        let accepted = Frames.accepted(by: try relay.nick)
        for peer in batch where try peer.nextFrame() != accepted { Issue.record("not accepted") }
        peers += batch
      }
      let perPeer = (relay.residentBytes - before) / count
      let began = monotonicSeconds()
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0)
      let took = monotonicSeconds() - began
      print("\(count) peers (\(kind)): \(perPeer) bytes of RSS each, /status in \(took * 1000) ms")
      #expect(perPeer < Self.bytesPerPeer)
      #expect(took < 2)
      #expect(status.body.contains("\"connected_peers\": \(count),"))
      #expect(status.body.contains("\"total\": \(count)"))
      #expect(status.body.contains("\"\(nickNumber(count - 1))\""))
      let line = Frames.frame(687, "\(nickNumber(0))!PUBLIC!x")
      try peers[0].send(line)
      for peer in peers.dropFirst() {
        guard try peer.nextFrame() == line else {
          throw TestFailure("another frame")
        }
      }
      // The peers stay connected until the stop: the departures of 10,000 peers would be 100
      // million frames.
      #expect(try relay.stop() == 0)
    }

    static func raiseDescriptorLimit() -> Int {
      var limit = rlimit()
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      guard getrlimit(files, &limit) == 0 else { return 0 }
      limit.rlim_cur = limit.rlim_max
      setrlimit(files, &limit)
      return Int(clamping: limit.rlim_cur)
    }

    @Test("When peers come and go, no connection or descriptor is left")
    func comeAndGo() throws {
      let relay = try RelayProcess()
      let descriptors = relay.descriptorCount
      let watcher = try TestPeer(to: relay, .taker(1))
      for round in 0..<10 {
        let hellos = (0..<50).map { Hello.maker(100 + round * 50 + $0) }
        var peers = try hellos.map { try TestPeer(to: relay, $0) }
        while !peers.isEmpty { peers.removeLast().close() }
        let departed = try hellos.map { _ in try watcher.nextFrame() }
        #expect(departed.sorted() == hellos.map(\.departure).sorted())
      }
      try watcher.expectNothing()
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      #expect(status.contains("\"total_peers\": 1,"))
      #expect(status.contains("\"active_connections\": 1"))
      try eventually("all descriptors are closed") { relay.descriptorCount <= descriptors + 1 }
    }
  }
}
