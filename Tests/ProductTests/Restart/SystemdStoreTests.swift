import Foundation
import Glibc
import TestSupport
import Testing

extension ProductTests.Restart {
  /// Tests with a notify socket that behaves like systemd 252. Tests/Package uses systemd itself.
  @Suite("systemd's store")
  final class SystemdStoreTests {
    private let directory: TemporaryDirectory
    private let manager: ManagerStore
    private var peers: [TestPeer] = []

    init() throws {
      directory = try TemporaryDirectory()
      manager = try #require(ManagerStore(at: directory.path + "/notify"))
    }

    /// Starts a relay as `systemctl start` does.
    private func start(_ settings: [String: String] = [:]) throws -> RelayProcess {
      manager.handleMessages()
      manager.states = []
      // Descriptor numbers that the dup2 calls in the new process do not overwrite.
      let first = Int32(3 + manager.held.count)
      let copies = manager.held.map { fcntl($0.descriptor, F_DUPFD_CLOEXEC, first) }
      var limits = Limits()
      limits.listening = copies
      if !copies.isEmpty {
        limits.variables = ["LISTEN_FDNAMES": manager.held.map(\.name).joined(separator: ":")]
      }
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging([
          "NOTIFY_SOCKET": manager.socket.name, "FD_STORE": "systemd",
          "LISTEN_UNIX": directory.path + "/relay", "SHUTDOWN_GRACE": "5",
        ]) { $1 }.merging(settings) { $1 }, limits: limits, isReady: false)
      for copy in copies { close(copy) }
      try eventually("it is ready; log: \(relay.log)", within: 30) {
        if relay.child.hasExited { throw TestFailure("it has ended: \(relay.log)") }
        manager.handleMessages()
        return manager.states.last == "READY=1"
      }
      return relay
    }

    private func stop(_ relay: RelayProcess) throws {
      relay.child.signal(SIGTERM)
      try eventually("it ends; log: \(relay.log)", within: 40) {
        manager.handleMessages()
        return relay.child.hasExited
      }
      #expect(relay.child.exitCode == 0)
      #expect(manager.states.last == "STOPPING=1")
    }

    private func join(_ relay: RelayProcess, count: Int = 3) throws {
      for number in 1...count {
        let place =
          number % 2 == 0
          ? .tcp(try relay.port) : TestSocket.Address.unix(directory.path + "/relay")
        peers.append(try TestPeer(to: relay, .taker(number), at: place))
      }
    }

    private func expectAllGoOn(_ line: String) throws {
      try peers[0].sendPublic(line)
      let frame = Frames.frame(687, "\(peers[0].nick)!PUBLIC!\(line)")
      for peer in peers.dropFirst() { try peer.expect(frame) }
      for peer in peers { try peer.expectNothing() }
    }

    @Test("300 peers survive three restarts, and the manager holds nothing between them")
    func restarts() throws {
      var relay = try start()
      #expect(relay.log.contains("nothing to take over"))
      try join(relay, count: 300)
      for round in 1...3 {
        try peers[1].send(Frames.frame(687, "\(peers[1].nick)!PUBLIC!half").prefix(30).description)
        try stop(relay)
        #expect(manager.isNeverPolled)
        // Three listeners and the image.
        #expect(manager.held.count == 304)
        #expect(Set(manager.held.map(\.name)) == ["i", "l", "s", "p"])
        relay = try start()
        let taken = try #require(relay.takenOver)
        #expect(taken.connections == 300 && taken.lost == 0)
        #expect(manager.held.isEmpty)
        try peers[1].send(
          String(Frames.frame(687, "\(peers[1].nick)!PUBLIC!half").dropFirst(30)))
        let frame = Frames.frame(687, "\(peers[1].nick)!PUBLIC!half")
        for (number, peer) in peers.enumerated() where number != 1 { try peer.expect(frame) }
        try expectAllGoOn("round \(round)")
      }
      // A descriptor that the manager kept would keep its connection open.
      try stop(relay)
      manager.empty()
      for peer in peers { try peer.expectClosed() }
    }

    @Test("a crash leaves nothing of an earlier stop behind")
    func crash() throws {
      var relay = try start()
      try join(relay)
      try stop(relay)
      relay = try start()
      relay.child.signal(SIGKILL)
      #expect(try relay.child.waitForExit() == 128 + SIGKILL)
      for peer in peers { try peer.expectClosed() }
      relay = try start()
      #expect(relay.log.contains("nothing to take over"))
    }

    @Test("the limit of the store is too low: an ordinary restart, and one line gives the reason")
    func limit() throws {
      var relay = try start()
      try join(relay)
      // The image is sent last, and the store is full.
      manager.limit = 4
      try stop(relay)
      #expect(manager.held.count == 4)
      relay = try start()
      #expect(relay.log.contains("0 state images, one is needed"))
      for peer in peers { try peer.expectClosed() }
    }

    @Test("the manager stops answering: the relay stops as without a store after its timeout")
    func deaf() throws {
      let relay = try start()
      try join(relay)
      manager.isDeafAfter = "FDNAME=p"
      relay.child.signal(SIGTERM)
      manager.handleMessages()
      try eventually("it gives up; log: \(relay.log)", within: 60) {
        manager.handleMessages()
        return relay.log.contains("not handed over: draining and closing instead")
      }
      #expect(relay.log.contains("systemd has not answered within 5.0 s"))
      manager.empty()
      for peer in peers { try peer.expectClosed() }
      #expect(try relay.child.waitForExit(within: 30) == 0)
    }

    @Test("descriptors without an image are closed, and the relay starts empty")
    func noImage() throws {
      var relay = try start()
      try join(relay)
      try stop(relay)
      manager.forget("i")
      relay = try start()
      #expect(relay.log.contains("0 state images, one is needed"))
      #expect(manager.held.isEmpty)
      for peer in peers { try peer.expectClosed() }
    }

    @Test("a relay that no longer uses the store closes what the store holds")
    func notUsedAnyMore() throws {
      var relay = try start()
      try join(relay)
      try stop(relay)
      relay = try start(["FD_STORE": ""])
      #expect(relay.log.contains("systemd's store is not used any more"))
      #expect(manager.held.isEmpty)
      for peer in peers { try peer.expectClosed() }
    }

    @Test(
      "FD_STORE=auto uses the store when the unit offers one (systemd 254), and only then",
      arguments: [nil, "0", "512"])
    func automatic(store: String?) throws {
      var settings = ["FD_STORE": "auto"]
      settings["FDSTORE"] = store
      let relay = try start(settings)
      try join(relay)
      try stop(relay)
      #expect(manager.held.isEmpty == (store != "512"))
    }
  }
}
