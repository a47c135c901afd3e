import Directory

/// Peer lists under way: each goes on when its socket has taken the last part, and all of them together fill at most so much
/// of a turn.
extension DirectoryNode {
  /// Bytes of lists sent in one turn.
  static let listBytesPerTurn = 256 << 10

  func continueLists() {
    let now = loop.coarseNow
    var budget = Self.listBytesPerTurn
    var waiting: [PeerID] = []
    var canGoOn = false
    for (place, id) in listing.enumerated() {
      guard budget > 0 else {
        waiting.append(contentsOf: listing[place...])
        canGoOn = true
        break
      }
      guard let session = session(id) else { continue }
      guard session.backlog == 0 else {
        waiting.append(id)
        continue
      }
      guard let part = directory.nextListPart(for: id) else { continue }
      budget -= part.count
      outbox.send(part, to: session) { session, delivery in
        account(delivery, of: session, at: now)
      }
      if !part.isLast {
        waiting.append(id)
        canGoOn = true
      }
    }
    listing = waiting
    if !pendingCloses.isEmpty { scheduleTurnEnd() }
    // Those whose sockets are full go on when they have drained.
    if canGoOn { nextTurn?.schedule(after: .zero) }
  }
}
