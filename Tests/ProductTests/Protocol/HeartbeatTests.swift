import Testing

extension ProductTests {
  /// protocol.md §7 with thresholds of about a second, on the real clock.
  @Suite("Heartbeat")
  struct HeartbeatTests {
    private static let settings = [
      "HEARTBEAT_SWEEP_INTERVAL": "0.2", "HEARTBEAT_IDLE_THRESHOLD": "0.8",
      "HEARTBEAT_HARD_EVICT": "2.5", "HEARTBEAT_PONG_WAIT": "0.6",
    ]

    /// A peer that answers has time for it on a busy machine, too.
    private static let patient = settings.merging([
      "HEARTBEAT_HARD_EVICT": "20", "HEARTBEAT_PONG_WAIT": "10",
    ]) { $1 }

    @Test("A silent peer with ping is probed after the idle time and evicted when it stays silent")
    func silent() throws {
      let relay = try RelayProcess(Self.settings)
      let began = monotonicSeconds()
      let peer = try TestPeer(to: relay, .maker(1))
      try peer.expect(Frames.ping)
      #expect(monotonicSeconds() - began > 0.7)
      try peer.expectClosed()
      #expect(monotonicSeconds() - began > 1.3)
      // The settings allow 1.5 s. The test allows more, for a busy machine.
      #expect(monotonicSeconds() - began < 10)
    }

    @Test(
      "A peer that answers with any frame stays and is probed again",
      arguments: [
        Frames.pong, Frames.frame(687, "\(nickNumber(1))!PUBLIC!x"), Frames.frame(12345, ""),
      ])
    func answering(answer: String) throws {
      let relay = try RelayProcess(Self.patient)
      let peer = try TestPeer(to: relay, .taker(1))
      for _ in 0..<2 {
        try peer.expect(Frames.ping)
        try peer.send(answer)
      }
      try peer.expect(Frames.ping)
    }

    @Test("A maker without ping is probed with !orderbook, alone, and stays when it answers")
    func oldMaker() throws {
      let relay = try RelayProcess(
        Self.settings.merging(["HEARTBEAT_PONG_WAIT": "2", "HEARTBEAT_HARD_EVICT": "20"]) { $1 })
      let maker = try TestPeer(to: relay, .oldMaker(1))
      let probe = Frames.frame(687, "\(try relay.nick)!PUBLIC!orderbook")
      for _ in 0..<2 {
        try maker.expect(probe)
        try maker.send("sw0reloffer 0 1 2 0 0.1", to: try relay.nick)
      }
      try maker.expect(probe)
      try maker.expectClosed()
    }

    @Test(
      "A taker without ping is sent nothing and stays past every limit; it is counted as evictable")
    func oldTaker() throws {
      let relay = try RelayProcess(Self.settings)
      let taker = try TestPeer(to: relay, .oldTaker(1))
      try eventually("it is evictable") {
        try relay.metric("jm_directory_peers_evictable") == 1
      }
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      #expect(status.contains("\"evictable_peers\": 1}"))
      // Waits beyond the hard limit and two sweeps.
      pause(seconds: 4)
      try taker.expectNothing()
      #expect(try relay.metric("jm_directory_peers_evictable") == 0)
      #expect(try relay.closed("idle") == 0)
    }

    @Test("When places run short, the longest silent taker without ping is evicted")
    func roomOfOldTakers() throws {
      let relay = try RelayProcess(Self.settings.merging(["MAX_PEERS": "2"]) { $1 })
      let first = try TestPeer(to: relay, .oldTaker(1))
      let second = try TestPeer(to: relay, .oldTaker(2))
      try eventually("both are evictable") {
        try relay.metric("jm_directory_peers_evictable") == 2
      }
      try second.send(Frames.frame(798, ""))
      try second.expect(Frames.pong)
      let third = try TestPeer(to: relay, .oldTaker(3))
      try first.expectClosed()
      for peer in [second, third] { try peer.expectNothing() }
      #expect(try relay.closed("evicted") == 1)
    }

    @Test("A pending connection gets the nick of a long silent taker without ping at once")
    func nickOfOldTaker() throws {
      let relay = try RelayProcess(Self.settings.merging(["NICK_CHALLENGE_TIMEOUT": "60"]) { $1 })
      let holder = try TestPeer(to: relay, .oldTaker(1))
      try eventually("it is evictable") {
        try relay.metric("jm_directory_peers_evictable") == 1
      }
      let newPeer = try TestPeer(to: relay, .oldTaker(1))
      try holder.expectClosed()
      try newPeer.expectNothing()
    }

    @Test("An active peer is never probed, and the departure of an evicted one is sent")
    func talking() throws {
      let relay = try RelayProcess(Self.settings)
      let talker = try TestPeer(to: relay, .taker(1))
      let silent = try TestPeer(to: relay, .maker(2))
      let began = monotonicSeconds()
      var frames: [String] = []
      while frames.last != Hello.maker(2).departure, monotonicSeconds() - began < 8 {
        pause(seconds: 0.05)
        try talker.send(Frames.ping)
        repeat {
          frames.append(try talker.nextFrame())
        } while frames.last != Frames.pong
          && frames.last != Hello.maker(2).departure
      }
      #expect(frames.last == Hello.maker(2).departure)
      #expect(!frames.contains(Frames.ping))
      try silent.expect(Frames.ping)
      try silent.expectClosed()
    }
  }
}
