import Testing

extension ProductTests {
  /// threat-model.md: a nick cannot be stolen by a flood.
  @Suite("Theft of a nick during a flood")
  struct TheftTests {
    @Test(
      "a maker that reads slowly keeps its nick while a flood is queued before its probe",
      arguments: [1_000, 10_000, 50_000])
    func slowReader(bytesPerSecond: Int) throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(["NICK_CHALLENGE_TIMEOUT": "2"]) { $1 })
      let maker = try TestPeer(to: relay, .maker(1))
      let flooder = try TestPeer(to: relay, .taker(2))
      let text = String(repeating: "x", count: 39_000)
      for number in 0..<200 {
        try flooder.sendPublic("\(number) \(text)")
      }
      try flooder.expectNothing()
      let thief = try TestPeer(.tcp(try relay.port))
      try thief.send(Hello.maker(1).frame)
      let end = monotonicSeconds() + 8
      while monotonicSeconds() < end {
        guard try maker.socket.receive(within: 1, atMost: bytesPerSecond / 10) != nil else {
          throw TestFailure("the maker is closed")
        }
        pause(seconds: 0.1)
      }
      #expect(try relay.closed("displaced") == 0)
      // A peer that reads the whole backlog can still answer.
      try maker.send(Frames.pong)
      try thief.expect(
        Frames.rejected(by: try relay.nick, "Peer nick already registered: \(maker.nick)"))
      withExtendedLifetime(maker) {}
    }
  }
}
