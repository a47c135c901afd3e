import Testing

extension ProductTests {
  /// A clientserver maker sends a private line through one directory, a random one of those where
  /// it believes the taker to be connected. It adds a taker when it receives a line of it, and
  /// removes it only at a `D` entry.
  @Suite("Departures")
  struct DepartureTests {
    /// The state of such a maker: the nicks whose lines it has received, without those that a `D`
    /// entry names.
    private struct Maker {
      let peer: TestPeer
      private var believed: Set<String> = []

      init(to relay: RelayProcess) throws { peer = try TestPeer(to: relay, .oldMaker(1)) }

      mutating func read() throws {
        try peer.send(Frames.ping)
        while true {
          let frame = try peer.nextFrame()
          if frame == Frames.pong { return }
          let line = frame.dropFirst(#"{"type": 687, "line": ""#.count).dropLast(3)
          if frame.hasPrefix(#"{"type": 687,"#) || frame.hasPrefix(#"{"type": 685,"#) {
            believed.insert(String(line.prefix { $0 != "!" }))
          } else if frame.hasPrefix(#"{"type": 789,"#) {
            let fields = line.split(separator: ";")
            if fields.count == 3, fields[2] == "D" { believed.remove(String(fields[0])) }
          }
        }
      }

      func believes(in nick: String) -> Bool { believed.contains(nick) }
    }

    @Test("A maker forgets a taker that has sent a public or private line, however it left")
    func takers() throws {
      let relay = try RelayProcess()
      var maker = try Maker(to: relay)
      let silent = try TestPeer(to: relay, .oldTaker(2))
      let asking = try TestPeer(to: relay, .oldTaker(3))
      let filling = try TestPeer(to: relay, .taker(4))
      try asking.sendPublic("orderbook")
      try filling.send("fill 0 1000 abc", to: nickNumber(1))
      try asking.expectNothing()
      try filling.expect(Frames.frame(687, "\(nickNumber(3))!PUBLIC!orderbook"))
      try filling.expectNothing()
      try maker.read()
      #expect(maker.believes(in: nickNumber(3)) && maker.believes(in: nickNumber(4)))
      try asking.leave()
      try filling.expect(Hello.oldTaker(3).departure)
      try filling.send(Frames.frame(801, ""))
      try filling.expectClosed()
      try silent.leave()
      try maker.read()
      #expect(!maker.believes(in: nickNumber(3)) && !maker.believes(in: nickNumber(4)))
    }

    @Test("The departure of an unlisted peer that sent no line is not announced")
    func silent() throws {
      let relay = try RelayProcess()
      let reader = try TestPeer(to: relay, .taker(1))
      try TestPeer(to: relay, .oldTaker(2)).leave()
      try reader.expectNothing()
    }

    @Test("A line that waits for FANOUT_RATE_LIMIT is sent after its sender left, then its D entry")
    func delayed() throws {
      let relay = try RelayProcess(["FANOUT_RATE_LIMIT": "4"])
      let reader = try TestPeer(to: relay, .taker(1))
      let sender = try TestPeer(to: relay, .oldTaker(2))
      for number in 0..<12 { try sender.sendPublic("hp2 \(number)") }
      try sender.leave()
      for number in 0..<12 {
        try reader.expect(Frames.frame(687, "\(nickNumber(2))!PUBLIC!hp2 \(number)"))
      }
      try reader.expect(Hello.oldTaker(2).departure)
      try reader.expectNothing()
    }

    @Test(
      "Every kind of offer counts as an offer, unknown kinds too",
      arguments: ["tr0reloffer", "tr0absoffer", "xy9reloffer", "absoffer", "relorder"])
    func offers(command: String) throws {
      let relay = try RelayProcess()
      let maker = try TestPeer(to: relay, .oldTaker(1))
      let reader = try TestPeer(to: relay, .taker(2))
      try maker.sendPublic("\(command) 0 1000 2000 10 0.001")
      try maker.expectNothing()
      #expect(try relay.metric("jm_directory_offers") == 1)
      _ = try reader.nextFrame()
      try reader.send(Frames.frame(791, ""))
      try reader.expect(Frames.peerlist(Hello.oldTaker(1).entry))
    }
  }
}
