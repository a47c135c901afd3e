import Testing

extension ProductTests {
  /// protocol.md §3. Each test covers one or more rows of its table.
  @Suite("Handshakes")
  struct HandshakeTests {
    @Test("The answer to a handshake is that of the table", arguments: HandshakeTable.rows)
    func row(_ row: HandshakeTable.Row) throws {
      let relay = try RelayProcess()
      let watcher = try TestPeer(to: relay, .taker(1))
      let line =
        row.old.isEmpty
        ? HandshakeTable.good : HandshakeTable.good.replacing(row.old, with: row.new)
      #expect(row.old.isEmpty || line != HandshakeTable.good)
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send(Frames.frame(793, line))
      switch row.answer {
      case .accepted:
        try peer.expect(Frames.accepted(by: try relay.nick))
        try peer.expectNothing()
      case .rejected(let reason):
        try peer.expect(Frames.rejected(by: try relay.nick, reason))
        try peer.expectClosed()
      case .closed:
        try peer.expectClosed()
      }
      // Other peers get no frame when a peer joins or is rejected.
      try watcher.expectNothing()
    }

    @Test(
      "A first frame that is not a handshake closes the connection without a reply",
      arguments: HandshakeTable.firstFrames)
    func firstFrame(frame: String) throws {
      let relay = try RelayProcess()
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send(frame)
      try peer.expectClosed()
    }

    @Test("On mainnet only a v3 onion with a right checksum is served")
    func onions() throws {
      let relay = try RelayProcess(["NETWORK": "mainnet"])
      let nick = try relay.nick
      let wrongSum = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryc.onion"
      let wrongKey = "qg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
      for host in [
        wrongSum, wrongKey, "127.0.0.1", "maker.onion", "example.com",
        String(HandshakeTable.onion.dropLast(6)),
      ] {
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send(
          Hello(nick: nickNumber(1), location: host + ":5222", network: "mainnet").frame)
        let reply = try peer.nextFrame()
        #expect(
          reply == mainnet(Frames.rejected(by: nick, "invalid onion address")), "\(host)")
        try peer.expectClosed()
      }
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send(
        Hello(nick: nickNumber(1), location: HandshakeTable.onion + ":5222", network: "mainnet")
          .frame)
      try peer.expect(mainnet(Frames.accepted(by: nick)))
    }

    private func mainnet(_ frame: String) -> String { frame.replacing("regtest", with: "mainnet") }

    @Test("A location that cannot be read counts as NOT-SERVING-ONION: the peer is not listed")
    func unusableLocation() throws {
      let relay = try RelayProcess()
      let asker = try TestPeer(to: relay, .taker(1))
      let locations = ["", "maker.onion", "maker.onion:0", "maker.onion:99999", "maker.onion:x"]
      let unlisted = try locations.enumerated().map {
        try TestPeer(to: relay, Hello(nick: nickNumber(10 + $0), location: $1))
      }
      let listed = try TestPeer(to: relay, .oldMaker(2))
      try asker.send(Frames.frame(791, ""))
      try asker.expect(Frames.peerlist(Hello.oldMaker(2).entry))
      for peer in unlisted + [listed] { try peer.expectNothing() }
    }

    @Test("Features that are not true or not well-formed are left out, the others are sorted")
    func features() throws {
      let relay = try RelayProcess()
      let asker = try TestPeer(to: relay, .taker(1))
      let peer = try TestPeer(.tcp(try relay.port))
      let line = HandshakeTable.good.replacing(
        #""ping": true"#,
        with: #""zeta": true, "ping": true, "a,b": true, "c;D": true, "e+f": true, "": true, "#
          + #""off": false, "one": 1, "text": "true", "#
          + #""\#(String(repeating: "x", count: 33))": true, "#
          + #""A.b_c-1": true"#)
      try peer.send(Frames.frame(793, line))
      try peer.expect(Frames.accepted(by: try relay.nick))
      try asker.send(Frames.frame(791, ""))
      try asker.expect(Frames.peerlist("J5handshakeOOOOO;maker.onion:5222;F:A.b_c-1+ping+zeta"))
    }

    @Test("A peer that never finishes its handshake is closed without a reply, also if it trickles")
    func timeout() throws {
      let relay = try RelayProcess(["HANDSHAKE_TIMEOUT": "1"])
      let silent = try TestPeer(.tcp(try relay.port))
      let trickling = try TestPeer(.tcp(try relay.port))
      let began = monotonicSeconds()
      var isOpen = true
      try eventually("the trickling peer is closed") {
        do { try trickling.send("{") } catch { isOpen = false }
        pause(seconds: 0.05)
        return !isOpen
      }
      try silent.expectClosed()
      #expect(monotonicSeconds() - began > 0.8)
      #expect(monotonicSeconds() - began < 5)
    }

    @Test("At MAX_PEERS one more peer is rejected with a reason, and admitted once another left")
    func full() throws {
      let relay = try RelayProcess(["MAX_PEERS": "2"])
      let first = try TestPeer(to: relay, .taker(1))
      let second = try TestPeer(to: relay, .taker(2))
      // A peer with offers is not evicted.
      try second.sendPublic("sw0reloffer 0 1 2 3 4")
      try second.expectNothing()
      let third = try TestPeer(.tcp(try relay.port))
      try third.send(Hello.taker(3).frame)
      try third.expect(Frames.rejected(by: try relay.nick, "Maximum peers reached: 2"))
      try third.expectClosed()
      try first.expect(
        Frames.frame(687, "\(second.nick)!PUBLIC!sw0reloffer 0 1 2 3 4"))
      first.close()
      try eventually("a place is free") {
        (try? TestPeer(to: relay, .taker(3))) != nil
      }
      try second.expectNothing()
    }

    @Test("The greeting has the version, unless the MOTD has one or MOTD_VERSION is off")
    func greeting() throws {
      let version = try Product.server.run(["--version"]).out.split(separator: "\n").joined()
      for (motd, expected) in [
        ("hi", "hi\\nJoinMarket Relay version: \(version)"), ("my version is 3", "my version is 3"),
        ("", "JoinMarket Relay version: \(version)"),
      ] {
        let relay = try RelayProcess(["MOTD": motd, "MOTD_VERSION": "true"])
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send(Hello.taker(1).frame)
        try peer.expect(Frames.accepted(by: try relay.nick, motd: expected))
      }
    }

    @Test("Nothing is sent before the handshake")
    func silence() throws {
      let relay = try RelayProcess()
      let newPeer = try TestPeer(.tcp(try relay.port))
      let maker = try TestPeer(to: relay, .maker(1))
      let other = try TestPeer(to: relay, .maker(2))
      try maker.sendPublic("sw0reloffer 0 1 2 0 0.1")
      try other.expect(Frames.frame(687, "\(maker.nick)!PUBLIC!sw0reloffer 0 1 2 0 0.1"))
      maker.close()
      try other.expect(Hello.maker(1).departure)
      try newPeer.shakeHands(.taker(3), with: relay)
      try newPeer.expectNothing()
    }
  }
}
