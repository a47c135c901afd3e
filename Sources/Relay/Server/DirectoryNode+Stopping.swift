import Directory
import EventLoop

/// The steps of a stop.
extension DirectoryNode {
  /// Stops listening and closes pending connections.
  package func refusePending() {
    directory.stop()
    acceptGate.closeAll()
    for session in Array(sessions.all) where session.state != .present {
      close(session, .shutdown)
    }
  }

  /// Leaves the files of Unix sockets to the next process.
  package func leaveListenerFiles() {
    for listener in acceptGate.listeners { listener.leaveFile() }
  }

  package var hasNothingToSend: Bool {
    outbox.isEmpty && !outbox.isSending && backlogs.count == 0 && peerlists.isEmpty
      && directory.publicLines.isEmpty
  }

  package func closeSome(_ count: Int, _ reason: CloseReason) {
    for session in Array(sessions.all.prefix(count)) { close(session, reason) }
  }
}
