import NickKeys
import Testing

extension ProductTests {
  /// protocol.md §8: each mode and each code, seen by a peer.
  @Suite("Nick authentication")
  struct NickAuthTests {
    @Test(
      "A valid proof admits its owner, whether proofs are optional or required",
      arguments: ["prefer_verified", "require_verified"])
    func ok(mode: String) throws {
      let relay = try RelayProcess(
        Proving.settings.merging(["NICK_AUTH_MODE": mode]) { $1 })
      let first = NickKey()
      let second = NickKey()
      let peers = try [first, second].map { try TestPeer.verified($0, to: relay) }
      let line = Frames.frame(685, "\(first.nick)!\(second.nick)!hello")
      try peers[0].send(line)
      try peers[1].expect(line)
      for peer in peers { try peer.expectNothing() }
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      #expect(status.contains("\"connected_peers\": 2,"))
    }

    enum Flaw: String, CaseIterable {
      case anotherFrame, notJSON, extraKey, noSignature, notBase64, upperCase, noFrame
      case anotherKey, anotherNick, anotherDirectory, anotherChallenge, highS

      var code: String {
        switch self {
        case .anotherFrame, .notJSON, .extraKey, .noSignature, .notBase64, .upperCase, .noFrame:
          "malformed"
        case .anotherKey, .anotherNick, .anotherDirectory, .anotherChallenge, .highS: "invalid"
        }
      }
    }

    @Test(
      "An invalid proof gets its code and is disconnected, and the nick stays free",
      arguments: Flaw.allCases)
    func flawed(flaw: Flaw) throws {
      let relay = try RelayProcess(Proving.settings)
      let watcher = try TestPeer(to: relay, proving: .taker(9))
      let key = NickKey()
      let peer = try TestPeer(.tcp(try relay.port))
      let hello = key.hello(.maker(1))
      let challenge = try peer.awaitChallenge(hello, of: relay)
      // Frames after a proof that fails are discarded.
      let behind = Frames.frame(687, "\(key.nick)!PUBLIC!x")
      try peer.send(try frame(flaw, key, hello, challenge) + behind)
      try peer.expect(Proving.result(flaw.code))
      try peer.expectClosed()
      try watcher.expectNothing()
      _ = try TestPeer.verified(key, to: relay)
    }

    private func frame(_ flaw: Flaw, _ key: NickKey, _ hello: Hello, _ challenge: String) throws
      -> String
    {
      let directory = Proving.directory
      let good = key.proof(of: hello, challenge: challenge, directory: directory)
      let other = NickKey()
      switch flaw {
      case .anotherFrame: return Frames.ping
      case .noFrame: return "\r\n"
      case .notJSON: return Proving.frame("proof")
      case .extraKey: return Proving.frame(good.dropLast() + #","nick":"\#(key.nick)"}"#)
      case .noSignature: return Proving.frame(#"{"pubkey":"\#(key.publicKey)"}"#)
      case .notBase64:
        return Proving.frame(#"{"pubkey":"\#(key.publicKey)","signature":"?"}"#)
      case .upperCase:
        return Proving.frame(
          key.proof(
            of: hello, challenge: challenge, directory: directory,
            pubkey: key.publicKey.uppercased().replacing("0", with: "A")))
      case .anotherKey:
        return Proving.frame(
          other.proof(
            of: hello, challenge: challenge, directory: directory, pubkey: key.publicKey))
      case .anotherNick:
        // The whole proof is valid for the other key, which is not the nick's.
        return Proving.frame(
          other.proof(of: hello, challenge: challenge, directory: directory))
      case .anotherDirectory:
        return Proving.frame(
          key.proof(of: hello, challenge: challenge, directory: "other.test:5222"))
      case .anotherChallenge:
        return Proving.frame(
          key.proof(
            of: hello, challenge: String(repeating: "0", count: 64), directory: directory))
      case .highS:
        return Proving.frame(
          key.proof(of: hello, challenge: challenge, directory: directory, isHighS: true))
      }
    }

    @Test("A proof that is not complete in time has expired")
    func expired() throws {
      let relay = try RelayProcess(
        Proving.settings.merging(["NICK_AUTH_TIMEOUT": "0.5"]) { $1 })
      let silent = try TestPeer(.tcp(try relay.port))
      let key = NickKey()
      _ = try silent.awaitChallenge(key.hello(), of: relay)
      let slow = try TestPeer(.tcp(try relay.port))
      let challenge = try slow.awaitChallenge(key.hello(), of: relay)
      let proof = Proving.frame(
        key.proof(of: key.hello(), challenge: challenge, directory: Proving.directory))
      try slow.send(String(proof.prefix(100)))
      for peer in [silent, slow] {
        try peer.expect(Proving.result("expired"))
        try peer.expectClosed()
      }
      _ = try TestPeer.verified(key, to: relay)
    }

    @Test("When the last place is taken between challenge and proof, the result is policy")
    func policy() throws {
      let relay = try RelayProcess(Proving.settings.merging(["MAX_PEERS": "1"]) { $1 })
      let key = NickKey()
      let late = try TestPeer(.tcp(try relay.port))
      let challenge = try late.awaitChallenge(key.hello(), of: relay)
      let other = NickKey()
      let holder = try TestPeer.verified(other, to: relay)
      try late.send(
        Proving.frame(
          key.proof(of: key.hello(), challenge: challenge, directory: Proving.directory)))
      try late.expect(Proving.result("policy"))
      try late.expectClosed()
      // The admitted peer may still reconnect.
      let again = try TestPeer.verified(other, to: relay)
      try holder.expectClosed()
      try again.expectNothing()
    }

    @Test("With NICK_AUTH_MODE=disabled a peer that offers proofs gets no challenge")
    func disabled() throws {
      let relay = try RelayProcess(
        Proving.settings.merging(["NICK_AUTH_MODE": "disabled"]) { $1 })
      let key = NickKey()
      let peer = try TestPeer(to: relay, key.hello())
      try peer.expectNothing()
    }

    @Test("A peer that offers no proofs is rejected where they are required, otherwise admitted")
    func plain() throws {
      let strict = try RelayProcess(
        Proving.settings.merging(["NICK_AUTH_MODE": "require_verified"]) { $1 })
      let refused = try TestPeer(.tcp(try strict.port))
      try refused.send(Hello.taker(1).frame)
      try refused.expect(
        try Proving.accepted(
          by: strict, false, "Rejected: verified nick authentication required"))
      try refused.expectClosed()
      let relay = try RelayProcess(Proving.settings)
      try TestPeer(to: relay, proving: .taker(1)).expectNothing()
    }
  }
}

extension TestPeer {
  /// Connects to a relay that asks for proofs, as a peer that offers none.
  convenience init(to relay: RelayProcess, proving hello: Hello) throws {
    try self.init(.tcp(try relay.port))
    try send(hello.frame)
    let reply = try nextFrame()
    guard reply == (try Proving.accepted(by: relay)) else {
      throw TestFailure("not accepted: \(reply)")
    }
  }
}
