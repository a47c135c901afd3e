/// Names one connection until it is closed: a place in the registry and how often that place
/// was given out. A stale one finds nobody, so a late timer or a queued action can never reach the
/// next tenant.
package struct PeerID: Hashable, Sendable {
  package let slot: Int32
  let generation: UInt32
}

extension PeerID: CustomStringConvertible {
  /// For logs and `top_violators`: tells connections apart without telling who they are.
  package var description: String { "peer-\(slot).\(generation)" }
}
