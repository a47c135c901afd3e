import DequeModule
import Identity
import Units
import Wire

/// A pending connection that owes the proof of its nick (protocol.md §8).
package struct PendingProof {
  package let request: HandshakeRequest
  package let nonce: Bytes32
}

/// The proofs that pending connections owe, each with its nonce and its deadline.
package struct NickProofs {
  private struct Deadline {
    let peer: PeerID
    let time: Instant
  }

  private var owed: [PeerID: PendingProof] = [:]
  /// In order of their times. A deadline may outlive its proof.
  private var deadlines: Deque<Deadline> = []
  /// Makes the nonces; tests replace it.
  package var newNonce: () -> Bytes32 = Bytes32.random

  /// Records that `id` owes a proof until `deadline`.
  /// - Returns: the nonce that the proof must sign.
  mutating func request(
    _ request: HandshakeRequest, of id: PeerID, until deadline: Instant
  ) -> Bytes32 {
    let nonce = newNonce()
    owed[id] = PendingProof(request: request, nonce: nonce)
    // A reload may shorten the time: the order stays that of the times.
    var place = deadlines.endIndex
    while place > 0, deadlines[place - 1].time > deadline { place -= 1 }
    deadlines.insert(Deadline(peer: id, time: deadline), at: place)
    return nonce
  }

  /// Puts back a proof that another process has asked for.
  mutating func restore(_ proof: PendingProof, of id: PeerID, until deadline: Instant) {
    owed[id] = proof
    let place = deadlines.firstIndex { $0.time > deadline } ?? deadlines.endIndex
    deadlines.insert(Deadline(peer: id, time: deadline), at: place)
  }

  package subscript(id: PeerID) -> PendingProof? { owed[id] }

  /// The proof is settled, or who owed it has left.
  mutating func end(_ id: PeerID) { owed[id] = nil }

  /// Returns the connection whose time ran out first, if any has. Its proof stays owed until `end`.
  mutating func popExpired(at now: Instant) -> PeerID? {
    while let first = deadlines.first, first.time <= now || owed[first.peer] == nil {
      deadlines.removeFirst()
      if owed[first.peer] != nil { return first.peer }
    }
    return nil
  }

  // MARK: For the tests

  package var count: Int { owed.count }
  package var isEmpty: Bool { owed.isEmpty && deadlines.isEmpty }
  /// When the proof of this connection expires.
  package func deadline(of id: PeerID) -> Instant? {
    owed[id] == nil ? nil : deadlines.first { $0.peer == id }?.time
  }
}
