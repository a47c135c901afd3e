import Glibc
import NickKeys
import Testing

extension ProductTests {
  /// Stops the process for longer than every timeout, as when the machine is suspended. What the
  /// relay waits for arrives meanwhile.
  @Suite("A standstill")
  struct StandstillTests {
    /// - Parameter others: peers whose frames come before what `meanwhile` sends.
    private func standStill(
      _ relay: RelayProcess, behind others: [TestPeer] = [], _ meanwhile: () throws -> Void
    ) throws {
      relay.child.signal(SIGSTOP)
      try eventually("it is stopped") { relay.child.isStopped }
      for peer in others { try peer.send(Frames.ping) }
      try meanwhile()
      pause(seconds: 3)
      relay.child.signal(SIGCONT)
    }

    /// More peers than the loop looks at in one turn. What comes behind their frames is not read
    /// before the first deadlines are judged.
    private func busyPeers(of relay: RelayProcess) throws -> [TestPeer] {
      try (100..<300).map { number in
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send(Hello.taker(number).frame)
        _ = try peer.nextFrame()
        return peer
      }
    }

    @Test("Peers whose answer to a probe waits in their sockets stay")
    func pong() throws {
      let relay = try RelayProcess([
        "HEARTBEAT_SWEEP_INTERVAL": "0.2", "HEARTBEAT_IDLE_THRESHOLD": "0.8",
        "HEARTBEAT_HARD_EVICT": "1.5", "HEARTBEAT_PONG_WAIT": "0.6",
      ])
      // More peers than the loop handles in one turn.
      let peers = try (1...100).map { try TestPeer(to: relay, .taker($0)) }
      let last = peers[99]
      // When the last peer gets its probe, the probes of the first ones are about to time out.
      for peer in peers.dropLast() where try peer.socket.hasInput(within: 0) {
        try peer.expect(Frames.ping)
        try peer.send(Frames.pong)
      }
      try last.expect(Frames.ping)
      try standStill(relay) { for peer in peers { try peer.send(Frames.pong) } }
      try last.expect(Frames.ping)
      #expect(try relay.closed("pong_timeout") == 0)
      #expect(try relay.closed("idle") == 0)
    }

    @Test("A half-sent handshake, and one that has not begun, are completed")
    func handshake() throws {
      let relay = try RelayProcess(["HANDSHAKE_TIMEOUT": "1.5"])
      let others = try busyPeers(of: relay)
      let half = try TestPeer(.tcp(try relay.port))
      let silent = try TestPeer(.tcp(try relay.port))
      let text = Hello.taker(1).frame
      try half.send(String(text.prefix(50)))
      // It connected after them, so both have been accepted.
      _ = try TestPeer(to: relay, .taker(3))
      try standStill(relay, behind: others) {
        try half.send(String(text.dropFirst(50)))
        try silent.send(Hello.taker(2).frame)
      }
      try half.expect(Frames.accepted(by: try relay.nick))
      try silent.expect(Frames.accepted(by: try relay.nick))
      #expect(try relay.closed("handshake_timeout") == 0)
    }

    @Test("A proof that is sent meanwhile is accepted")
    func proof() throws {
      let relay = try RelayProcess(
        Proving.settings.merging(["NICK_AUTH_TIMEOUT": "1.5"]) { $1 })
      let others = try busyPeers(of: relay)
      let key = NickKey()
      let hello = key.hello()
      let peer = try TestPeer(.tcp(try relay.port))
      let challenge = try peer.awaitChallenge(hello, of: relay)
      try standStill(relay, behind: others) {
        try peer.send(
          Proving.frame(key.proof(of: hello, challenge: challenge, directory: Proving.directory)))
      }
      try peer.expect(Proving.result("ok"))
    }

    @Test("The holder of a nick that has answered keeps it")
    func takeover() throws {
      let relay = try RelayProcess(["NICK_CHALLENGE_TIMEOUT": "1.5"])
      let others = try busyPeers(of: relay)
      let holder = try TestPeer(to: relay, .taker(1))
      let pending = try TestPeer(.tcp(try relay.port))
      try pending.send(Hello.taker(1).frame)
      try holder.expect(Frames.ping)
      try standStill(relay, behind: others) { try holder.send(Frames.pong) }
      try pending.expect(
        Frames.rejected(by: try relay.nick, "Peer nick already registered: \(nickNumber(1))"))
      try holder.expectNothing()
    }

    @Test("A peer over the soft backlog limit that goes on reading stays")
    func backlog() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging([
          "PEER_BACKLOG_SOFT": "64KiB", "PEER_BACKLOG_SOFT_TIME": "2",
        ]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1))
      let reader = try TestPeer(to: relay, .taker(2))
      let line = Frames.frame(
        685, "\(sender.nick)!\(reader.nick)!" + String(repeating: "x", count: 50_000))
      for _ in 0..<120 { try sender.send(line) }
      try sender.expectNothing()
      #expect(try relay.metric("jm_directory_backlog_bytes") > 65_536)
      try standStill(relay) { for _ in 0..<40 { try reader.expect(line) } }
      for _ in 0..<80 { try reader.expect(line) }
      #expect(try relay.closed("slow_reader") == 0)
    }

    @Test("A status request that is half sent is answered")
    func status() throws {
      let relay = try RelayProcess()
      let others = try busyPeers(of: relay)
      let port = relay.statusPort ?? 0
      let client = try TestSocket(.tcp(port))
      try client.send(Array("GET /health HTTP/1.0\r\nHost: loc".utf8))
      // A complete request on a later connection shows that the first connection has been accepted.
      #expect(try HTTP.get("/health", port: port).status == 200)
      try standStill(relay, behind: others) { try client.send(Array("alhost\r\n\r\n".utf8)) }
      var answer: [UInt8] = []
      while let more = try client.receive(within: 10) { answer += more }
      #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.0 200"))
    }

    @Test("What waits for a slow reader at a stop still goes out")
    func shutdown() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(["SHUTDOWN_GRACE": "2"]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1))
      let reader = try TestPeer(to: relay, .taker(2))
      let line = Frames.frame(
        685, "\(sender.nick)!\(reader.nick)!" + String(repeating: "x", count: 50_000))
      for _ in 0..<120 { try sender.send(line) }
      try sender.expectNothing()
      relay.child.signal(SIGTERM)
      try eventually("it is stopping") { relay.log.contains("relay: stopping") }
      try standStill(relay) {}
      for _ in 0..<120 { try reader.expect(line) }
      try reader.expectClosed()
      #expect(try relay.child.waitForExit() == 0)
    }

    @Test("A circuit is not taken to have been over its budgets meanwhile")
    func exhaustedCircuit() throws {
      let tor = try FakeTor { _ in "250 OK\r\n" }
      let relay = try RelayProcess([
        "PROXY_PROTOCOL": "true", "TOR_CONTROL": "127.0.0.1:\(tor.server.port)",
        "TOR_CONTROL_CLOSE_AFTER": "3", "MESSAGE_RATE_LIMIT": "2", "MESSAGE_BURST_LIMIT": "4",
      ])
      try eventually("it is let in") { try relay.metric("jm_directory_tor_control_ready") == 1 }
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send("PROXY TCP6 fc00:dead:beef:4dad::0:300 ::1 22 5222\r\n")
      try peer.shakeHands(.taker(1), with: relay)
      func dropped() throws -> Double {
        try relay.metric(#"jm_directory_frames_dropped_total{reason="rate"}"#)
      }
      let many = String(repeating: Frames.ping, count: 50)
      try peer.send(many)
      try eventually("frames are dropped") { try dropped() > 0 }
      let before = try dropped()
      try standStill(relay) { try peer.send(many) }
      try eventually("more are dropped") { try dropped() > before }
      // Some of the relay's looks at its circuits.
      pause(seconds: 2)
      #expect(tor.received == ["AUTHENTICATE"])
    }
  }
}
