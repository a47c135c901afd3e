import Testing

extension ProductTests {
  /// protocol.md §3.1: a pending connection asks for a nick that is held.
  @Suite("A nick already taken")
  struct ChallengeTests {
    private let taken = "Peer nick already registered: \(nickNumber(1))"

    @Test(
      "A holder that answers with any frame keeps its nick",
      arguments: [
        Frames.pong, Frames.frame(687, "\(nickNumber(1))!PUBLIC!x"), Frames.frame(791, ""),
      ])
    func living(answer: String) throws {
      let relay = try RelayProcess()
      let holder = try TestPeer(to: relay, .taker(1))
      let claimant = try TestPeer(.tcp(try relay.port))
      try claimant.send(Hello.taker(1).frame)
      try holder.expect(Frames.ping)
      try holder.send(answer)
      try claimant.expect(Frames.rejected(by: try relay.nick, taken))
      try claimant.expectClosed()
      if answer == Frames.frame(791, "") { try holder.expect(Frames.peerlist()) }
      try holder.expectNothing()
    }

    @Test(
      "A silent holder is evicted, its departure is sent, and the pending connection has the nick")
    func silent() throws {
      let relay = try RelayProcess(["NICK_CHALLENGE_TIMEOUT": "0.5"])
      let watcher = try TestPeer(to: relay, .taker(9))
      let holder = try TestPeer(to: relay, .maker(1))
      let claimant = try TestPeer(.tcp(try relay.port))
      try claimant.send(Hello.maker(1).frame)
      try holder.expect(Frames.ping)
      try claimant.expect(Frames.accepted(by: try relay.nick))
      try holder.expectClosed()
      try watcher.expect(Hello.maker(1).departure)
      try watcher.send(Frames.frame(685, "\(watcher.nick)!\(nickNumber(1))!hello"))
      try claimant.expect(Frames.frame(685, "\(watcher.nick)!\(nickNumber(1))!hello"))
    }

    @Test("What a pending connection sends while it waits is handled once it is in")
    func waiting() throws {
      let relay = try RelayProcess(["NICK_CHALLENGE_TIMEOUT": "0.5"])
      let watcher = try TestPeer(to: relay, .taker(9))
      let holder = try TestPeer(to: relay, .taker(1))
      let claimant = try TestPeer(.tcp(try relay.port))
      try claimant.send(
        Hello.taker(1).frame + Frames.frame(687, "\(nickNumber(1))!PUBLIC!orderbook"))
      try holder.expect(Frames.ping)
      try claimant.expect(Frames.accepted(by: try relay.nick))
      try watcher.expect(Frames.frame(687, "\(nickNumber(1))!PUBLIC!orderbook"))
    }

    @Test("A maker without ping is asked for its orderbook", arguments: [true, false])
    func oldMaker(answers: Bool) throws {
      let relay = try RelayProcess(["NICK_CHALLENGE_TIMEOUT": "0.5"])
      let holder = try TestPeer(to: relay, .oldMaker(1))
      let watcher = try TestPeer(to: relay, .taker(9))
      let claimant = try TestPeer(.tcp(try relay.port))
      try claimant.send(Hello.oldMaker(1).frame)
      try holder.expect(Frames.frame(687, "\(try relay.nick)!PUBLIC!orderbook"))
      if answers {
        // The relay does not pass it on, because it is the receiver.
        try holder.send("sw0reloffer 0 1 2 0 0.1", to: try relay.nick)
        try claimant.expect(Frames.rejected(by: try relay.nick, taken))
        try claimant.expectClosed()
        try holder.expectNothing()
      } else {
        try claimant.expect(Frames.accepted(by: try relay.nick))
        try holder.expectClosed()
        try watcher.expect(Hello.oldMaker(1).departure)
      }
      try watcher.expectNothing()
    }

    @Test("A holder that cannot be probed keeps its nick")
    func oldTaker() throws {
      let relay = try RelayProcess()
      let holder = try TestPeer(to: relay, .oldTaker(1))
      let claimant = try TestPeer(.tcp(try relay.port))
      try claimant.send(Hello.taker(1).frame)
      try claimant.expect(Frames.rejected(by: try relay.nick, taken))
      try claimant.expectClosed()
      try holder.expectNothing()
    }

    @Test("A holder gets one challenge at a time, and none soon after another")
    func once() throws {
      let relay = try RelayProcess()
      let holder = try TestPeer(to: relay, .taker(1))
      let claimants = try (0..<3).map { _ in try TestPeer(.tcp(try relay.port)) }
      try claimants[0].send(Hello.taker(1).frame)
      try holder.expect(Frames.ping)
      try claimants[1].send(Hello.taker(1).frame)
      try claimants[1].expect(Frames.rejected(by: try relay.nick, taken))
      try holder.send(Frames.pong)
      try claimants[0].expect(Frames.rejected(by: try relay.nick, taken))
      try claimants[2].send(Hello.taker(1).frame)
      try claimants[2].expect(Frames.rejected(by: try relay.nick, taken))
      try holder.expectNothing()
    }

    @Test("When the holder leaves while it is asked, the pending connection has the nick at once")
    func leaving() throws {
      let relay = try RelayProcess()
      let holder = try TestPeer(to: relay, .taker(1))
      let claimant = try TestPeer(.tcp(try relay.port))
      try claimant.send(Hello.taker(1).frame)
      try holder.expect(Frames.ping)
      holder.close()
      try claimant.expect(Frames.accepted(by: try relay.nick))
      try claimant.expectNothing()
    }
  }
}
