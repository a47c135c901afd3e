import Testing

extension ProductTests {
  /// protocol.md §6.
  @Suite("Peerlists")
  struct PeerlistTests {
    private let ask = Frames.frame(791, "")

    @Test("An empty peerlist is one empty frame")
    func empty() throws {
      let relay = try RelayProcess()
      let other = try TestPeer(to: relay, .taker(2))
      let asker = try TestPeer(to: relay, .taker(1))
      try asker.send(ask)
      try asker.expect(Frames.peerlist())
      try asker.expectNothing()
      try other.expectNothing()
    }

    @Test("Makers are listed, takers and the asker are not; features need peerlist_features")
    func entries() throws {
      let relay = try RelayProcess()
      let today = try TestPeer(to: relay, .maker(1))
      let old = try TestPeer(to: relay, .oldMaker(2))
      let announcer = try TestPeer(to: relay, .taker(3))
      let taker = try TestPeer(to: relay, .oldTaker(4))
      try announcer.sendPublic("sw0absoffer 0 1 2 0 1")
      let offer = Frames.frame(687, "\(announcer.nick)!PUBLIC!sw0absoffer 0 1 2 0 1")
      for peer in [today, old, taker] { try peer.expect(offer) }
      #expect(
        try list(for: taker)
          == [Hello.maker(1).entry, Hello.oldMaker(2).entry, Hello.taker(3).entry])
      #expect(
        try list(for: today) == [Hello.oldMaker(2).entry, Hello.taker(3).entryWithFeatures])
      #expect(
        try list(for: announcer) == [Hello.maker(1).entryWithFeatures, Hello.oldMaker(2).entry])
      for peer in [today, old, announcer, taker] { try peer.expectNothing() }
    }

    /// Requests a short peerlist and returns its entries. Their order is not specified.
    private func list(for asker: TestPeer) throws -> Set<String> {
      try asker.send(ask)
      return Set(try entries(of: asker.nextFrame()))
    }

    private func entries(of frame: String) throws -> [String] {
      let opening = #"{"type": 789, "line": ""#
      guard frame.hasPrefix(opening) else { throw TestFailure("no list: \(frame)") }
      return frame.dropFirst(opening.count).dropLast(3).split(separator: ",").map(String.init)
    }

    @Test("The relay's own entry is first when it knows its onion")
    func relayItself() throws {
      let location = HandshakeTable.onion + ":5222"
      let relay = try RelayProcess(["DIRECTORY_LOCATION": location])
      let nick = try relay.nick
      let maker = try TestPeer(to: relay, .oldMaker(1))
      let today = try TestPeer(to: relay, .taker(2))
      try today.send(ask)
      try today.expect(
        Frames.peerlist("\(nick);\(location);F:peerlist_features+ping", Hello.oldMaker(1).entry))
      try maker.send(ask)
      try maker.expect(Frames.peerlist("\(nick);\(location)"))
    }

    @Test(
      "A long peerlist is sent in frames of twenty entries, complete, without duplicates",
      arguments: [19, 20, 21, 40, 205])
    func chunks(count: Int) throws {
      let relay = try RelayProcess()
      let hellos = (0..<count).map { Hello.maker(100 + $0) }
      let makers = try hellos.map { try TestPeer(to: relay, $0) }
      let asker = try TestPeer(to: relay, .oldTaker(1))
      try asker.send(ask)
      var listed: [String] = []
      while listed.count < count {
        let entries = try entries(of: asker.nextFrame())
        #expect(entries.count == min(20, count - listed.count))
        listed += entries
      }
      #expect(listed.sorted() == hellos.map(\.entry).sorted())
      try asker.expectNothing()
      try makers.first?.expectNothing()
    }

    @Test("The departure of a listed peer is sent to all others, that of another peer to nobody")
    func leaving() throws {
      let relay = try RelayProcess()
      let watchers = [try TestPeer(to: relay, .taker(8)), try TestPeer(to: relay, .oldTaker(9))]
      for (hello, isListed) in [
        (Hello.maker(1), true), (.oldMaker(2), true), (.taker(3), false), (.oldTaker(4), false),
      ] {
        let peer = try TestPeer(to: relay, hello)
        for watcher in watchers { try watcher.expectNothing() }
        // When its stream ends, the relay has certainly removed it.
        try peer.send(Frames.frame(801, ""))
        try peer.expectClosed()
        for watcher in watchers {
          if isListed { try watcher.expect(hello.departure) }
          try watcher.expectNothing()
        }
      }
    }

    @Test("More requests a minute than allowed are dropped, and the connection stays")
    func rate() throws {
      let relay = try RelayProcess(["PEERLIST_RATE_LIMIT": "2"])
      let asker = try TestPeer(to: relay, .taker(1))
      for _ in 0..<2 {
        try asker.send(ask)
        try asker.expect(Frames.peerlist())
      }
      for _ in 0..<3 { try asker.send(ask) }
      try asker.expectNothing()
    }

    @Test("A peer that closes after half a frame is removed like any other")
    func halfFrame() throws {
      let relay = try RelayProcess()
      let watcher = try TestPeer(to: relay, .taker(2))
      let peer = try TestPeer(to: relay, .maker(1))
      try peer.send(#"{"type": 687, "line": "\#(peer.nick)!PUBLIC!x"#)
      peer.close()
      try watcher.expect(Hello.maker(1).departure)
      try watcher.expectNothing()
    }

    @Test("The last line of a peer that half-closes is delivered before its departure")
    func halfClosed() throws {
      let relay = try RelayProcess()
      let watcher = try TestPeer(to: relay, .taker(2))
      let peer = try TestPeer(to: relay, .maker(1))
      try peer.sendPublic("x")
      peer.socket.shutdownWriting()
      try watcher.expect([
        Frames.frame(687, "\(peer.nick)!PUBLIC!x"), Hello.maker(1).departure,
      ])
    }
  }
}
