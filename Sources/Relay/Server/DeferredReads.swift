import DequeModule
import Directory

/// The sessions with received input that the node has to process in a later turn, because no event
/// of their sockets will.
package struct DeferredReads {
  /// Sessions that were held and admitted. They read at the end of this turn.
  private var admitted: [PeerID] = []
  /// Sessions whose proofs found no budget. They read in order of arrival when the budget is
  /// refilled.
  private var postponed: Deque<PeerID> = []
  /// New connections that found no time left in their turn. They read in order of arrival.
  private var fresh: Deque<PeerID> = []
  /// Sessions that have sent much at once. They read after the others.
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
