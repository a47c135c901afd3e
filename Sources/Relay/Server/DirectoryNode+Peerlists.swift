import Directory
import EventLoop

extension DirectoryNode {
  /// Sends the next parts of all peerlists.
  func continuePeerlists() {
    peerlists.advance(budget: TurnBudget.peerlistBytes, sendPeerlistPart)
    if sessions.hasClosing { scheduleTurnEnd() }
    // A list whose socket is full continues when the socket has drained.
    if peerlists.canGoOn { nextTurn?.schedule(after: .zero) }
  }

  private func sendPeerlistPart(to id: PeerID) -> PeerlistSender.Progress {
    guard let session = sessions[id] else { return .over }
    guard session.backlog == 0 else { return .waits }
    guard let part = directory.nextListPart(for: id) else { return .over }
    let now = loop.coarseNow
    outbox.send(part, to: session) { account($1, of: $0, at: now) }
    return .sent(bytes: part.count, isLast: part.isLast)
  }
}
