import DequeModule
import Units
import Wire

/// The connections that have not finished their handshake, and the handshakes of those that wait
/// for a nick.
///
/// An entry may outlive its connection, so that a close costs nothing. `first` skips such entries.
package struct PendingConnections {
  /// In order of arrival. All have the same timeout, so the first one is due first.
  private var arrivals: Deque<PeerID> = []
  /// The handshakes of connections that have no nick yet.
  private var requests: [PeerID: HandshakeRequest] = [:]

  mutating func add(_ id: PeerID) { arrivals.append(id) }

  /// Returns the oldest connection, and drops those before it for which `isOver` is true.
  mutating func first(skipping isOver: (PeerID) -> Bool) -> PeerID? {
    while let id = arrivals.first {
      guard isOver(id) else { return id }
      arrivals.removeFirst()
    }
    return nil
  }

  mutating func removeFirst() { arrivals.removeFirst() }

  mutating func keep(_ request: HandshakeRequest, of id: PeerID) { requests[id] = request }

  func request(of id: PeerID) -> HandshakeRequest? { requests[id] }

  mutating func forgetRequest(of id: PeerID) { requests[id] = nil }

  // MARK: For the tests

  package var isEmpty: Bool { arrivals.isEmpty && requests.isEmpty }
  package var requestCount: Int { requests.count }
  package func contains(_ id: PeerID) -> Bool { arrivals.contains(id) }
}
