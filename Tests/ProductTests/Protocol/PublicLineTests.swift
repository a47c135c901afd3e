import Testing

extension ProductTests {
  /// protocol.md §4.
  @Suite("Public lines")
  struct PublicLineTests {
    @Test("A copy goes to every other peer and none to the sender")
    func broadcast() throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .maker(1))
      let others = [
        try TestPeer(to: relay, .taker(2)), try TestPeer(to: relay, .oldTaker(3)),
        try TestPeer(to: relay, .oldMaker(4)),
      ]
      try sender.sendPublic("sw0reloffer 0 1 2 0 0.1")
      try sender.expectNothing()
      for other in others {
        try other.expect(Frames.frame(687, "\(sender.nick)!PUBLIC!sw0reloffer 0 1 2 0 0.1"))
        try other.expectNothing()
      }
    }

    @Test(
      "A line that is not the sender's own or not public is dropped, and the connection stays",
      arguments: [
        "OTHER!PUBLIC!x", "!PUBLIC!x", "J5nobodyOOOOOOOO!PUBLIC!x", "FROM!PUBLIC", "FROM!PUBLIC!",
        "FROM!public!x", "FROM!OTHER!x", "FROM", "", "FROM !PUBLIC!x", " FROM!PUBLIC!x",
        "FROM!PUBLIC x",
        "RELAY!PUBLIC!orderbook",
      ])
    func dropped(line: String) throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .maker(1))
      let other = try TestPeer(to: relay, .maker(2))
      let sent = line.replacing("FROM", with: sender.nick).replacing("OTHER", with: other.nick)
        .replacing("RELAY", with: try relay.nick)
      try sender.send(Frames.frame(687, sent))
      try sender.expectNothing()
      try other.expectNothing()
    }

    @Test(
      "An announced offer makes a peer listed, in every spelling",
      arguments: [
        "sw0reloffer", "sw0absoffer", "swreloffer", "swabsoffer", "reloffer", "absoffer",
        "relorder",
        "absorder",
      ])
    func offers(command: String) throws {
      let relay = try RelayProcess()
      let asker = try TestPeer(to: relay, .taker(1))
      let maker = try TestPeer(to: relay, .taker(2))
      try maker.sendPublic("\(command) 0 1 2 0 0.1!\(command) 1 1 2 0 0.1")
      try asker.expect(
        Frames.frame(687, "\(maker.nick)!PUBLIC!\(command) 0 1 2 0 0.1!\(command) 1 1 2 0 0.1"))
      #expect(try offers(at: relay).contains("\"total_offers\": 2, \"peers_with_offers\": 1"))
      try maker.sendPublic("cancel 0")
      try maker.expectNothing()
      #expect(try offers(at: relay).contains("\"total_offers\": 1, \"peers_with_offers\": 1"))
      try asker.expect(Frames.frame(687, "\(maker.nick)!PUBLIC!cancel 0"))
      try asker.send(Frames.frame(791, ""))
      try asker.expect(Frames.peerlist(Hello.taker(2).entryWithFeatures))
      maker.close()
      try asker.expect(Hello.taker(2).departure)
      #expect(try offers(at: relay).contains("\"total_offers\": 0, \"peers_with_offers\": 0"))
    }

    @Test("Other commands announce nothing, and 64 offers of one peer are counted at most")
    func offersCounted() throws {
      let relay = try RelayProcess(["PUBLIC_RATE_LIMIT": "0"])
      let peer = try TestPeer(to: relay, .taker(1))
      for command in [
        "orderbook", "hp2 0", "cancel 0", "sw0reloffer", "xrelofferx 0 1", "reloffers 0",
      ] {
        try peer.sendPublic(command)
      }
      try peer.expectNothing()
      #expect(try offers(at: relay).contains("\"total_offers\": 0, \"peers_with_offers\": 0"))
      for id in 0..<100 { try peer.sendPublic("sw0absoffer \(id) 1 2 0 1") }
      try peer.expectNothing()
      let status = try offers(at: relay)
      #expect(status.contains("\"total_offers\": 64, \"peers_with_offers\": 1"))
      #expect(status.contains("[\"\(peer.nick)\", 64]"))
    }

    private func offers(at relay: RelayProcess) throws -> String {
      try HTTP.get("/status", port: relay.statusPort ?? 0).body
    }

    @Test("More than the burst of frames is dropped, counted, and closes at the threshold only")
    func rates() throws {
      let relay = try RelayProcess([
        "MESSAGE_RATE_LIMIT": "1", "MESSAGE_BURST_LIMIT": "5", "RATE_LIMIT_DISCONNECT": "100",
      ])
      let reader = try TestPeer(to: relay, .taker(1))
      let sender = try TestPeer(to: relay, .taker(2))
      let lines = (0..<50).map { Frames.frame(687, "\(sender.nick)!PUBLIC!x \($0)") }
      try sender.send(lines.joined())
      try reader.expect(Array(lines[..<5]))
      // Its burst is used up, so even a PING gets no answer until tokens are refilled.
      try eventually("the sender may send again") {
        try sender.send(Frames.ping)
        return (try? sender.nextFrame(within: 0.2)) == Frames.pong
      }
      try sender.send(String(repeating: Frames.ping, count: 200))
      try eventually("it is closed") { (try? sender.send(Frames.ping)) == nil }
    }

    @Test("Public lines and requests for the order book have rates of their own")
    func publicRates() throws {
      let relay = try RelayProcess([
        "PUBLIC_RATE_LIMIT": "1", "PUBLIC_BURST_LIMIT": "3", "ORDERBOOK_RATE_LIMIT": "2",
      ])
      let reader = try TestPeer(to: relay, .taker(1))
      let sender = try TestPeer(to: relay, .taker(2))
      for _ in 0..<5 { try sender.sendPublic("orderbook") }
      for id in 0..<5 { try sender.sendPublic("x \(id)") }
      try sender.expectNothing()
      try reader.expect(
        (0..<2).map { _ in Frames.frame(687, "\(sender.nick)!PUBLIC!orderbook") }
          + (0..<3).map { Frames.frame(687, "\(sender.nick)!PUBLIC!x \($0)") })
      try reader.expectNothing()
    }
  }
}
