import Testing

extension ProductTests {
  /// protocol.md §5.
  @Suite("Private lines")
  struct PrivateLineTests {
    @Test("A line reaches its receiver alone")
    func alone() throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .taker(1))
      let receiver = try TestPeer(to: relay, .maker(2))
      let other = try TestPeer(to: relay, .taker(3))
      try sender.send("fill 0 1", to: receiver.nick)
      try receiver.expect(Frames.frame(685, "\(sender.nick)!\(receiver.nick)!fill 0 1"))
      for peer in [sender, receiver, other] { try peer.expectNothing() }
    }

    @Test(
      "The entry of a peer that serves an onion follows its line, in the form for the receiver")
    func entry() throws {
      let relay = try RelayProcess()
      let maker = Hello.maker(1)
      let sender = try TestPeer(to: relay, maker)
      let today = try TestPeer(to: relay, .taker(2))
      let old = try TestPeer(to: relay, .oldTaker(3))
      for (receiver, entry) in [(today, maker.entryWithFeatures), (old, maker.entry)] {
        try sender.send("pubkey x", to: receiver.nick)
        try receiver.expect([
          Frames.frame(685, "\(sender.nick)!\(receiver.nick)!pubkey x"), Frames.peerlist(entry),
        ])
        try receiver.expectNothing()
      }
      try sender.expectNothing()
    }

    @Test("A peer that has announced offers but serves no onion sends no entry")
    func noOnion() throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .taker(1))
      try sender.sendPublic("sw0reloffer 0 1 2 0 0.1")
      try sender.expectNothing()
      let receiver = try TestPeer(to: relay, .taker(2))
      try sender.send("x", to: receiver.nick)
      try receiver.expect(Frames.frame(685, "\(sender.nick)!\(receiver.nick)!x"))
      try receiver.expectNothing()
    }

    @Test("A peer's line to itself is delivered")
    func oneself() throws {
      let relay = try RelayProcess()
      let peer = try TestPeer(to: relay, .taker(1))
      try peer.send("x", to: peer.nick)
      try peer.expect(Frames.frame(685, "\(peer.nick)!\(peer.nick)!x"))
    }

    @Test(
      "A line that is forged, malformed, for nobody or for the relay is dropped; its peer stays",
      arguments: [
        "OTHER!FROM!x", "OTHER!OTHER!x", "J5nobodyOOOOOOOO!OTHER!x", "FROM!J5nobodyOOOOOOOO!x",
        "FROM!RELAY!x", "FROM!OTHER", "FROM!OTHER!", "FROM", "", "!OTHER!x", "FROM!!x",
        "FROM!PUBLIC!x",
        "FROM!other!x",
      ])
    func dropped(line: String) throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .maker(1))
      let other = try TestPeer(to: relay, .taker(2))
      let sent = line.replacing("FROM", with: sender.nick).replacing("OTHER", with: other.nick)
        .replacing("RELAY", with: try relay.nick)
      try sender.send(Frames.frame(685, sent))
      try sender.expectNothing()
      try other.expectNothing()
    }

    @Test("A line to a peer that has left is dropped")
    func left() throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .taker(1))
      let receiver = try TestPeer(to: relay, .maker(2))
      receiver.close()
      try sender.expect(Hello.maker(2).departure)
      try sender.send("x", to: receiver.nick)
      try sender.expectNothing()
    }
  }
}
