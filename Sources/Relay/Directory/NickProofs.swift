import DequeModule
import Identity
import Units
import Wire

/// The proof that a pending connection has to give (protocol.md §8).
package struct PendingProof {
  package let request: HandshakeRequest
  package let nonce: Bytes32
}

/// The pending proofs of connections, each with its nonce and deadline.
package struct NickProofs {
  private struct Deadline {
    let peer: PeerID
    let time: Instant
  }

  private var owed: [PeerID: PendingProof] = [:]
  /// In order of their times. A deadline may outlive its proof.
  private var deadlines: Deque<Deadline> = []
  /// Returns a new nonce. Tests replace it.
  package var newNonce: () -> Bytes32 = Bytes32.random

  /// Records that `id` has to give a proof until `deadline`.
  /// - Returns: the nonce that the proof must sign.
  mutating func request(
    _ request: HandshakeRequest, of id: PeerID, until deadline: Instant
  ) -> Bytes32 {
    let nonce = newNonce()
    owed[id] = PendingProof(request: request, nonce: nonce)
    // A reload may shorten the timeout, so the order is that of the deadlines.
    var place = deadlines.endIndex
    while place > 0, deadlines[place - 1].time > deadline { place -= 1 }
    deadlines.insert(Deadline(peer: id, time: deadline), at: place)
    return nonce
  }

  /// Restores a proof that another process has requested.
  mutating func restore(_ proof: PendingProof, of id: PeerID, until deadline: Instant) {
    owed[id] = proof
    let place = deadlines.firstIndex { $0.time > deadline } ?? deadlines.endIndex
    deadlines.insert(Deadline(peer: id, time: deadline), at: place)
  }

  package subscript(id: PeerID) -> PendingProof? { owed[id] }

  /// Forgets a proof that was decided or whose connection has left.
  mutating func end(_ id: PeerID) { owed[id] = nil }

  /// Returns the connection with the earliest deadline that has passed, if any. Its proof stays
  /// pending until `end`.
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
