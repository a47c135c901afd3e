import Directory
import EventLoop
import Logging
import Units

/// Closes connections: by the peer, by the relay, and those that linger until their last bytes are
/// sent.
extension DirectoryNode {
  /// Removes this peer from the directory and closes its connection.
  package func close(_ session: Session, _ reason: CloseReason) {
    directory.leave(session.id, session.state.closeReason ?? reason, into: &actions)
    perform()
  }

  /// Handles a connection that the other side has closed or that has failed.
  func ended(_ session: Session, _ end: Connection.End) {
    if sessions.endLingering(session) { return }
    // What it sent before it left counts, and costs the time of new connections. Its handshake may
    // be refused by that: then the reply can no longer be sent.
    if session.isDeferred, end == .byPeer {
      spendOnNewConnections { session.read() }
      if session.isClosed || sessions.endLingering(session) { return }
    }
    switch end {
    case .byPeer: close(session, .peerClosed)
    case .failed: close(session, .networkError)
    }
  }

  /// Closes the connection of a peer that the directory has forgotten, at once or after its last
  /// bytes.
  func finishClose(_ session: Session, _ reason: CloseReason, flush: Bool) {
    let reason = session.state.closeReason ?? reason
    log.debug(
      "connection closed",
      metadata: ["connection": "\(session.id)", "reason": "\(reason.rawValue)"])
    var lingers = flush && session.state.isOpen
    outbox.flush(session) { _, outcome in
      if case .failed = outcome { lingers = false }
    }
    outbox.unsubscribe(session)
    backlogs.forget(session.id)
    peerlists.forget(session.id)
    guard lingers else {
      sessions.remove(session, reason, lingeringUntil: nil)
      return session.close()
    }
    sessions.remove(session, reason, lingeringUntil: loop.coarseNow + Self.lingerTime)
    session.startReading()
    if session.backlog == 0 { session.shutdownWriting() }
  }

  /// Handles an empty output buffer.
  func drained(_ session: Session) {
    backlogs.forget(session.id)
    if case .lingering = session.state {
      session.shutdownWriting()
    } else if peerlists.drained(session.id) {
      nextTurn?.schedule(after: .zero)
    }
  }

  func expireLingering(at now: Instant) {
    for session in sessions.takeExpired(at: now) { session.close() }
  }

  // MARK: Sends that failed

  func account(_ outcome: SendOutcome, of session: Session, at now: Instant) {
    switch outcome {
    case .accepted(let left):
      backlogs.left(left, for: session, at: now)
      heapTrimmer.note(backlogs.total)
      if backlogs.isOverHardLimit(session) { closeLater(session, .slowReader) }
      if backlogs.isOverTotal {
        for victim in backlogs.excess() { closeLater(victim, .backlogBudget) }
      }
    case .failed:
      closeLater(session, .networkError)
    }
  }

  /// Sessions that fail during a send are closed after it, because closing sends too. Their
  /// backlogs are freed at once.
  func closeLater(_ session: Session, _ reason: CloseReason) {
    guard sessions.close(session, reason) else { return }
    session.discardOutput()
    backlogs.forget(session.id)
  }

  func closePending() {
    for session in sessions.takeClosing() {
      if case .closing(let reason) = session.state { close(session, reason) }
    }
  }
}
