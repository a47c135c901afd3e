import NickKeys
import Testing

extension ProductTests {
  @Suite("A flood of proofs", .alone)
  struct ProofFloodTests {
    @Test("900 proofs at once, again and again, leave the p99 of a peer's PING under 50 ms")
    func flood() throws {
      let relay = try RelayProcess(Proving.settings)
      let peer = try TestPeer(to: relay, proving: .taker(1))
      let key = NickKey()
      let other = NickKey()
      var times: [Double] = []
      for _ in 0..<5 {
        // The relay does all work of a proof, up to the signature, which is of another key.
        let flood = try (0..<900).map { _ in
          let newPeer = try TestPeer(.tcp(try relay.port))
          let challenge = try newPeer.awaitChallenge(key.hello(), of: relay)
          let proof = other.proof(
            of: key.hello(), challenge: challenge, directory: Proving.directory,
            pubkey: key.publicKey)
          return (newPeer, Proving.frame(proof))
        }
        for (newPeer, proof) in flood { try newPeer.send(proof) }
        for _ in 0..<100 {
          let began = monotonicSeconds()
          try peer.expectNothing()
          times.append(monotonicSeconds() - began)
        }
        let refused = Proving.result("invalid")
        for (newPeer, _) in flood where try newPeer.nextFrame() != refused {
          throw TestFailure("not refused")
        }
      }
      let p99 = times.sorted()[times.count * 99 / 100]
      print("a flood of proofs: p99 of \(times.count) PINGs \(p99 * 1000) ms")
      #expect(p99 < 0.05)
    }
  }
}
