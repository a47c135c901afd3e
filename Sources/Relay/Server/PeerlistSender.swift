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

  private var readers: [PeerID] = []

  package var isEmpty: Bool { readers.isEmpty }
  package var count: Int { readers.count }

  /// In the order in which they go on.
  var all: [PeerID] { readers }

  func contains(_ id: PeerID) -> Bool { readers.contains(id) }

  mutating func add(_ id: PeerID) { readers.append(id) }

  /// Has each reader sent one part, until `budget` bytes are sent. Readers that are left over come
  /// first the next time.
  /// - Returns: whether some can go on without waiting for a socket.
  mutating func advance(budget: Int, _ sendPart: (PeerID) -> Progress) -> Bool {
    var left = budget
    var waiting: [PeerID] = []
    var goneOn: [PeerID] = []
    var canGoOn = false
    for (place, id) in readers.enumerated() {
      guard left > 0 else {
        waiting.append(contentsOf: readers[place...])
        canGoOn = true
        break
      }
      switch sendPart(id) {
      case .sent(let bytes, let isLast):
        left -= bytes
        if !isLast {
          goneOn.append(id)
          canGoOn = true
        }
      case .waits: waiting.append(id)
      case .over: continue
      }
    }
    readers = waiting + goneOn
    return canGoOn
  }
}
