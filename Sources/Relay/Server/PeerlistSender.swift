import DequeModule
import Directory

/// The peerlists that are being sent. Each continues when its socket has taken the last part. All
/// together use a limited part of a turn.
package struct PeerlistSender {
  /// The result of sending the next part of a list.
  enum Progress {
    case sent(bytes: Int, isLast: Bool)
    /// The socket has not taken the whole part.
    case waits
    /// The list is complete, or its reader has left.
    case over
  }

  private var ready: Deque<PeerID> = []
  /// Lists whose sockets have not taken the last part yet. There may be thousands.
  private var waiting: Set<PeerID> = []

  package var isEmpty: Bool { ready.isEmpty && waiting.isEmpty }
  package var count: Int { ready.count + waiting.count }
  var canGoOn: Bool { !ready.isEmpty }

  /// Lists that can continue, in their order.
  var all: [PeerID] { Array(ready) + waiting }

  mutating func add(_ id: PeerID) { ready.append(id) }

  /// Handles a socket that has taken everything.
  /// - Returns: whether a list continues on it.
  mutating func drained(_ id: PeerID) -> Bool {
    guard waiting.remove(id) != nil else { return false }
    ready.append(id)
    return true
  }

  /// Removes a peer that has left. If it was ready, its next turn notices it.
  mutating func forget(_ id: PeerID) { waiting.remove(id) }

  /// Sends one part to each ready reader in turn, until `budget` bytes are sent.
  mutating func advance(budget: Int, _ sendPart: (PeerID) -> Progress) {
    var left = budget
    while left > 0, let id = ready.popFirst() {
      switch sendPart(id) {
      case .sent(let bytes, let isLast):
        left -= bytes
        if !isLast { ready.append(id) }
      case .waits: waiting.insert(id)
      case .over: continue
      }
    }
  }
}
