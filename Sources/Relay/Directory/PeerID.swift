/// Identifies one connection until it is closed: a slot in the registry and the slot's generation.
/// A stale id finds no peer, so a late timer or a queued action cannot reach the next connection in
/// the slot.
package struct PeerID: Hashable, Sendable {
  package let slot: Int32
  let generation: UInt32
}

extension PeerID: CustomStringConvertible {
  /// A name for logs and `top_violators`, which does not identify the peer.
  package var description: String { "peer-\(slot).\(generation)" }
}
