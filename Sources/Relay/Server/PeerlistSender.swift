import DequeModule
import Directory

/// Peerlists under way: each goes on when its socket has taken the last part, and all of them
/// together fill at most so much of a turn.
package struct PeerlistSender {
  /// What became of the next part of a list.
  enum Progress {
    case sent(bytes: Int, isLast: Bool)
    /// The socket has not taken the last part yet.
    case waits
    /// The list has no more parts, or its reader has left.
    case over
  }

  private var ready: Deque<PeerID> = []
  /// Those whose sockets have not taken the last part yet. There may be thousands of them.
  private var waiting: Set<PeerID> = []

  package var isEmpty: Bool { ready.isEmpty && waiting.isEmpty }
  package var count: Int { ready.count + waiting.count }
  var canGoOn: Bool { !ready.isEmpty }

  /// Those that can go on stand first, in their order.
  var all: [PeerID] { Array(ready) + waiting }

  mutating func add(_ id: PeerID) { ready.append(id) }

  /// This socket has taken everything.
  /// - Returns: whether a list goes on through it.
  mutating func drained(_ id: PeerID) -> Bool {
    guard waiting.remove(id) != nil else { return false }
    ready.append(id)
    return true
  }

  /// This peer has left. If it was ready, its turn finds that out.
  mutating func forget(_ id: PeerID) { waiting.remove(id) }

  /// Has readers sent one part after another, in turn, until `budget` bytes are sent.
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
