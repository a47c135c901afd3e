import Glibc
import Testing

extension ProductTests {
  /// promises.md, "Never let in" and "Always come back": limits at the listeners.
  @Suite("Listener limits")
  struct ListenerLimitTests {
    @Test("MAX_PENDING silent connections keep nobody out: the oldest makes room")
    func pending() throws {
      let relay = try RelayProcess(["MAX_PENDING": "5", "HANDSHAKE_TIMEOUT": "5"])
      let established = try TestPeer(to: relay, .taker(1))
      let silent = try (0..<5).map { _ in try TestPeer(.tcp(try relay.port)) }
      try eventually("all places are taken") {
        try relay.metric("jm_directory_pending_connections") == 5
      }
      try TestPeer(to: relay, .taker(3)).expectNothing()
      #expect(try relay.closed("evicted") >= 1)
      try silent[0].expectClosed()
      try established.expectNothing()
      for peer in silent { try peer.expectClosed() }
      try TestPeer(to: relay, .taker(2)).expectNothing()
    }

    @Test("Used-up descriptors keep nobody out: a silent peer is evicted, those with offers stay")
    func descriptors() throws {
      // 24 of them are not for peers.
      let relay = try RelayProcess([:], limits: Limits(descriptors: 44))
      let makers = try (1...4).map { try TestPeer(to: relay, .maker($0)) }
      for maker in makers { try maker.sendPublic("sw0reloffer 0 1 2 3 4") }
      // The older half is never evicted. The pause gives the peers different times on a coarse
      // clock.
      let silent = try (5...40).map {
        pause(seconds: 0.01)
        return try TestPeer(to: relay, .taker($0))
      }
      #expect(try relay.closed("evicted") >= 16)
      #expect(try relay.metric("jm_directory_peers_with_offers") == 4)
      #expect(try HTTP.get("/health", port: relay.statusPort ?? 0).status == 200)
      withExtendedLifetime((makers, silent)) {}
    }

    @Test("Past FANOUT_RATE_LIMIT public lines wait, in order; private ones and PINGs do not")
    func fanout() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(["FANOUT_RATE_LIMIT": "40"]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1))
      let readers = try (2...5).map { try TestPeer(to: relay, .taker($0)) }
      let lines = (0..<30).map { Frames.frame(687, "\(sender.nick)!PUBLIC!\($0)") }
      let began = monotonicSeconds()
      let aside = Frames.frame(685, "\(sender.nick)!\(readers[0].nick)!aside")
      try sender.send(lines.joined() + aside)
      try sender.expectNothing()
      #expect(monotonicSeconds() - began < 1)
      var received: [String] = []
      while received.count <= lines.count { received.append(try readers[0].nextFrame()) }
      // 120 deliveries at 40 a second, of which new peers share 30.
      let took = monotonicSeconds() - began
      #expect(took > 1.5 && took < 10, "\(took) s")
      #expect(received.filter { $0 != aside } == lines)
      let place = try #require(received.firstIndex(of: aside))
      #expect(place < lines.count / 2, "the private line arrived after \(place) public ones")
      for reader in readers.dropFirst() {
        try reader.expect(lines)
        try reader.expectNothing()
      }
    }

    @Test(
      "A socket handed over at the start is served, and a second relay serves it after the first")
    func handedOver() throws {
      let listener = try ListeningSocket()
      let limits = Limits(listening: [listener.descriptor])
      let first = try RelayProcess(["HOST": ""], limits: limits)
      let peer = try TestPeer(.tcp(listener.port))
      try peer.shakeHands(.taker(1), with: first)
      try peer.expectNothing()
      #expect(try first.stop() == 0)
      // No connection is refused meanwhile: the kernel queues it.
      let waiting = try TestPeer(.tcp(listener.port))
      try waiting.send(Hello.taker(2).frame)
      let second = try RelayProcess(["HOST": ""], limits: limits)
      try waiting.expect(Frames.accepted(by: try second.nick))
      try waiting.expectNothing()
    }

    @Test("Slow clients of the status port are closed in time and harm neither peers nor others")
    func slowStatus() throws {
      let relay = try RelayProcess()
      let peer = try TestPeer(to: relay, .taker(1))
      let port = relay.statusPort ?? 0
      let slow = try (0..<20).map { _ in try TestSocket(.tcp(port)) }
      let began = monotonicSeconds()
      let request = Array("GET /status HTTP/1.1\r\nHost: localhost\r\nX-Slow: ".utf8)
      var open = slow
      var worst = 0.0
      var turn = 0
      while !open.isEmpty {
        guard monotonicSeconds() - began < 10 else { throw TestFailure("\(open.count) still open") }
        let byte = turn < request.count ? request[turn] : UInt8(ascii: "x")
        open = open.filter { Self.drip(byte, into: $0) }
        turn += 1
        let sent = monotonicSeconds()
        try peer.expectNothing()
        worst = max(worst, monotonicSeconds() - sent)
        if turn % 10 == 0 { #expect(try HTTP.get("/health", port: port).status == 200) }
        pause(seconds: 0.02)
      }
      #expect(worst < 0.5, "a PING took \(worst) s")
      #expect(try HTTP.get("/health", port: port).status == 200)
    }

    /// - Returns: whether the other end is still connected.
    private static func drip(_ byte: UInt8, into socket: TestSocket) -> Bool {
      do { try socket.send([byte], until: 0) } catch { return false }
      // It throws if nothing has arrived.
      do { return try socket.receive(within: 0) != nil } catch { return true }
    }
  }
}
