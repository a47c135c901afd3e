import Directory

/// What a stop asks of the node.
extension DirectoryNode {
  /// Stops listening and turns away whoever has not shaken hands.
  package func refusePending() {
    directory.stop()
    listeners.removeAll()
    for case let session? in sessions where session.subscriberIndex < 0 {
      close(session, .shutdown)
    }
  }

  package var hasNothingToSend: Bool {
    outbox.isEmpty && backlogs.count == 0 && listing.isEmpty && directory.publicLines.isEmpty
  }

  package func closeSome(_ count: Int, _ reason: CloseReason) {
    for session in sessions.lazy.compactMap({ $0 }).prefix(count) { close(session, reason) }
  }
}
