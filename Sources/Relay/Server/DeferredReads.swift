import DequeModule
import Directory

/// The sessions that hold input which nothing but the node will have them read: a turn comes for it
/// later.
package struct DeferredReads {
  /// Admitted after they were held: they read at the end of this turn.
  private var admitted: [PeerID] = []
  /// Their proofs found no budget left: they read in the order of arrival when there is some again.
  private var postponed: Deque<PeerID> = []
  /// New connections that found no time left in their turn: they read in the order of arrival.
  private var fresh: Deque<PeerID> = []
  /// They have sent much at once: they read when the others have had their turn.
  private var busy: Deque<PeerID> = []

  var hasAdmitted: Bool { !admitted.isEmpty }
  var hasPostponed: Bool { !postponed.isEmpty }

  var hasFresh: Bool { !fresh.isEmpty }
  var hasBusy: Bool { !busy.isEmpty }

  mutating func admit(_ id: PeerID) { admitted.append(id) }
  mutating func postpone(_ id: PeerID) { postponed.append(id) }
  mutating func popAdmitted() -> PeerID? { admitted.popLast() }
  mutating func popPostponed() -> PeerID? { postponed.popFirst() }
  mutating func addFresh(_ id: PeerID) { fresh.append(id) }
  mutating func popFresh() -> PeerID? { fresh.popFirst() }
  mutating func addBusy(_ id: PeerID) { busy.append(id) }
  mutating func popBusy() -> PeerID? { busy.popFirst() }
}
