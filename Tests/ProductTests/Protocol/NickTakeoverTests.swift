import NickKeys
import Testing

extension ProductTests {
  /// protocol.md §8: a peer that proves a nick gets it, even if another peer holds it.
  @Suite("Taking a nick back")
  struct NickTakeoverTests {
    private let relay: RelayProcess
    private let watcher: TestPeer
    private let key: NickKey

    init() throws {
      relay = try RelayProcess(Proving.settings)
      watcher = try TestPeer(to: relay, proving: .taker(9))
      key = NickKey()
    }

    /// The handshake of the key's owner, with an onion.
    private var hello: Hello { key.hello(.maker(1)) }

    /// A peer with the same nick that cannot prove it.
    private var impostor: Hello {
      Hello(nick: key.nick, location: "impostor.onion:5222", features: ["ping"])
    }

    private func proof(_ hello: Hello, _ challenge: String) throws -> String {
      Proving.frame(
        key.proof(of: hello, challenge: challenge, directory: Proving.directory))
    }

    @Test("An unverified holder is closed at once without a probe; its departure is sent first")
    func fromImpostor() throws {
      let holder = try TestPeer(to: relay, proving: impostor)
      let owner = try TestPeer.verified(key, hello, to: relay)
      // The holder is closed without a frame, also without a probe.
      try holder.expectClosed()
      try watcher.expect(impostor.departure)
      try reaches(owner)
    }

    @Test("The owner's older connection is closed in the same way")
    func fromItself() throws {
      let older = try TestPeer.verified(key, hello, to: relay)
      let newer = try TestPeer.verified(key, hello, to: relay)
      try older.expectClosed()
      try watcher.expect(hello.departure)
      try reaches(newer)
    }

    @Test("A peer without a proof does not get a verified nick, and its owner is not probed")
    func impostorLater() throws {
      let owner = try TestPeer.verified(key, hello, to: relay)
      let plain = try TestPeer(.tcp(try relay.port))
      try plain.send(impostor.frame)
      try plain.expect(
        try Proving.accepted(
          by: relay, false, "Rejected: Peer nick already registered: \(key.nick)"))
      try plain.expectClosed()
      let forger = try TestPeer(.tcp(try relay.port))
      let challenge = try forger.awaitChallenge(hello, of: relay)
      try forger.send(
        Proving.frame(
          NickKey().proof(of: hello, challenge: challenge, directory: Proving.directory)))
      try forger.expect(Proving.result("invalid"))
      try forger.expectClosed()
      try reaches(owner)
    }

    @Test("Until its proof is verified, a pending connection does not affect the nick's holder")
    func meanwhile() throws {
      let holder = try TestPeer(to: relay, proving: impostor)
      let owner = try TestPeer(.tcp(try relay.port))
      let challenge = try owner.awaitChallenge(hello, of: relay)
      try reaches(holder)
      try owner.send(try proof(hello, challenge))
      try owner.expect(Proving.result("ok"))
      try holder.expectClosed()
      try watcher.expect(impostor.departure)
      try reaches(owner)
    }

    @Test("The departure of a holder that leaves during the proof is sent once; the proof is valid")
    func leaving() throws {
      let holder = try TestPeer(to: relay, proving: impostor)
      let owner = try TestPeer(.tcp(try relay.port))
      let challenge = try owner.awaitChallenge(hello, of: relay)
      try holder.leave()
      try watcher.expect(impostor.departure)
      try owner.send(try proof(hello, challenge))
      try owner.expect(Proving.result("ok"))
      try reaches(owner)
    }

    @Test("Of two proofs at once the later one wins")
    func twoProofs() throws {
      let peers = try (0..<2).map { _ in try TestPeer(.tcp(try relay.port)) }
      let nickTakeovers = try peers.map { try $0.awaitChallenge(hello, of: relay) }
      #expect(nickTakeovers[0] != nickTakeovers[1])
      try peers[0].send(try proof(hello, nickTakeovers[0]))
      try peers[0].expect(Proving.result("ok"))
      try peers[1].send(try proof(hello, nickTakeovers[1]))
      try peers[1].expect(Proving.result("ok"))
      try peers[0].expectClosed()
      try watcher.expect(hello.departure)
      try reaches(peers[1])
    }

    @Test("Frames after the proof in the same write are handled once the nick is held")
    func pipelined() throws {
      let peer = try TestPeer(.tcp(try relay.port))
      let challenge = try peer.awaitChallenge(hello, of: relay)
      let line = Frames.frame(687, "\(key.nick)!PUBLIC!x")
      try peer.send(try proof(hello, challenge) + line + Frames.ping + Frames.frame(791, ""))
      try peer.expect([Proving.result("ok"), Frames.pong, Frames.peerlist()])
      try watcher.expect(line)
      try peer.expectNothing()
    }

    @Test("A second proof is out of order and closes the connection")
    func twice() throws {
      let peer = try TestPeer(.tcp(try relay.port))
      let challenge = try peer.awaitChallenge(hello, of: relay)
      try peer.send(String(repeating: try proof(hello, challenge), count: 2))
      try peer.expect(Proving.result("ok"))
      try peer.expectClosed()
      try watcher.expect(hello.departure)
    }

    /// Expects that private lines to the nick reach `peer`, and that no other frames were sent.
    private func reaches(_ peer: TestPeer, _ place: SourceLocation = #_sourceLocation) throws {
      let line = Frames.frame(685, "\(nickNumber(9))!\(key.nick)!hello")
      try watcher.send(line)
      try peer.expect(line, place)
      try watcher.expectNothing(place)
    }
  }
}
