import Testing

extension ProductTests {
  /// promises.md: a reading peer loses nothing, at any burst.
  @Suite("Bursts")
  struct BurstTests {
    private let count = 2_000

    @Test("2,000 public lines in one write reach 50 readers, all and in order")
    func publicLines() throws {
      let relay = try RelayProcess(RelayProcess.unlimited)
      let sender = try TestPeer(to: relay, .maker(1))
      let readers = try (0..<50).map { try TestPeer(to: relay, .taker(100 + $0)) }
      let lines = (0..<count).map {
        Frames.frame(687, "\(sender.nick)!PUBLIC!sw0reloffer \($0) 100000 5000000 0 0.0002")
      }
      try sender.send(lines.joined())
      for reader in readers { try Self.compare(reader, lines) }
      for peer in readers + [sender] { try peer.expectNothing() }
    }

    @Test(
      "2,000 private lines in one write reach one reader, all and in order",
      arguments: [true, false])
    func privateLines(servesOnion: Bool) throws {
      let relay = try RelayProcess(RelayProcess.unlimited)
      let hello = servesOnion ? Hello.maker(1) : .taker(1)
      let sender = try TestPeer(to: relay, hello)
      let reader = try TestPeer(to: relay, .taker(2))
      let lines = (0..<count).map {
        Frames.frame(
          685, "\(sender.nick)!\(reader.nick)!\($0) " + String(repeating: "x", count: 400))
      }
      try sender.send(lines.joined())
      let entry = Frames.peerlist(hello.entryWithFeatures)
      try Self.compare(reader, servesOnion ? lines.flatMap { [$0, entry] } : lines)
      try reader.expectNothing()
    }

    @Test("1,200 answers to one question all arrive, each with its sender's entry")
    func orderbook() throws {
      let relay = try RelayProcess(RelayProcess.unlimited)
      let hellos = (0..<300).map { Hello.maker(100 + $0) }
      let makers = try hellos.map { try TestPeer(to: relay, $0) }
      let taker = try TestPeer(to: relay, .taker(1))
      try taker.sendPublic("orderbook")
      let answer = "sw0reloffer 0 1 2 0 0.1 " + String(repeating: "x", count: 500)
      for maker in makers {
        try maker.expect(Frames.frame(687, "\(taker.nick)!PUBLIC!orderbook"))
        for _ in 0..<4 { try maker.send(answer, to: taker.nick) }
      }
      var answers: [String: Int] = [:]
      for _ in 0..<makers.count * 4 {
        let line = try taker.nextFrame()
        guard let hello = hellos.first(where: { line.contains("\"\($0.nick)!") }) else {
          throw TestFailure("from an unknown peer: \(line)")
        }
        #expect(line == Frames.frame(685, "\(hello.nick)!\(taker.nick)!\(answer)"))
        try taker.expect(Frames.peerlist(hello.entryWithFeatures))
        answers[hello.nick, default: 0] += 1
      }
      #expect(answers.count == makers.count && answers.values.allSatisfy { $0 == 4 })
      try taker.expectNothing()
      // Optimised code would release the makers after their last use, and the taker would get their
      // departures.
      withExtendedLifetime(makers) {}
    }

    @Test("A peer that stops reading is evicted at its limit, and the others lose nothing")
    func frozen() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging([
          "MAX_PEER_BACKLOG": "256KiB", "PEER_BACKLOG_SOFT": "64KiB",
        ]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1))
      let frozen = try TestPeer(to: relay, .maker(2))
      let reader = try TestPeer(to: relay, .taker(3))
      let lines = (0..<200).map {
        Frames.frame(687, "\(sender.nick)!PUBLIC!\($0) " + String(repeating: "x", count: 30_000))
      }
      var received = 0
      var isGone = false
      for line in lines {
        try sender.send(line)
        var frame = try reader.nextFrame()
        if frame == Hello.maker(2).departure {
          isGone = true
          frame = try reader.nextFrame()
        }
        #expect(frame == line)
        received += 1
      }
      #expect(received == lines.count)
      if !isGone { try reader.expect(Hello.maker(2).departure) }
      try reader.expectNothing()
      try eventually("the frozen peer's connection is closed") {
        try frozen.socket.receive(within: 5) == nil
      }
    }

    /// Compares without one `#expect` for each frame, which would take longer than the relay does.
    private static func compare(
      _ reader: TestPeer, _ lines: [String], _ place: SourceLocation = #_sourceLocation
    ) throws {
      for (index, line) in lines.enumerated() {
        let frame = try reader.nextFrame(within: 30)
        guard frame == line else {
          Issue.record("frame \(index) is \(frame)", sourceLocation: place)
          return
        }
      }
    }
  }
}
