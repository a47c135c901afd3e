import DequeModule
import Units
import Wire

/// The connections that have not finished their handshake, and what those that wait have said.
///
/// An entry may outlive its connection: `first` is told which to skip, so that a close costs
/// nothing.
package struct PendingConnections {
  /// In order of arrival. All get the same time, so the first one is the first due.
  private var arrivals: Deque<PeerID> = []
  /// The handshakes of connections that have no nick yet.
  private var requests: [PeerID: HandshakeRequest] = [:]

  mutating func add(_ id: PeerID) { arrivals.append(id) }

  /// Returns the connection that came first, after it has dropped those for which `isOver` holds.
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
