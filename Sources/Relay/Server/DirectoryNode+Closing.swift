import Directory
import EventLoop
import Units

/// The ends of connections: theirs, ours, and the ones in between that still have something to read.
struct LingeringClose {
  package let session: Session
  package let deadline: Instant
}

struct PendingClose {
  package let session: Session
  package let reason: CloseReason
}

extension DirectoryNode {
  /// Has the directory forget this peer and closes its connection.
  package func close(_ session: Session, _ reason: CloseReason) {
    directory.leave(session.id, reason, into: &actions)
    perform(loop.coarseNow)
  }

  /// The connection has ended by itself.
  package func ended(_ session: Session, _ end: Connection.End) {
    if lingering.removeValue(forKey: ObjectIdentifier(session)) != nil { return }
    switch end {
    case .byPeer: close(session, .peerClosed)
    case .failed: close(session, .networkError)
    }
  }

  /// The directory has forgotten this peer; now its connection goes, at once or after its last bytes.
  package func part(from session: Session, _ reason: CloseReason, flush: Bool) {
    log.debug(
      "connection closed",
      metadata: ["connection": "\(session.id)", "reason": "\(reason.rawValue)"])
    let now = loop.coarseNow
    var failed = false
    outbox.flush(session) { _, delivery in
      if case .failed = delivery { failed = true }
    }
    outbox.unsubscribe(session)
    backlogs.forget(session.id)
    sessions[Int(session.id.slot)] = nil
    guard flush, !failed else { return session.close() }
    session.phase = .leaving
    lingering[ObjectIdentifier(session)] = LingeringClose(
      session: session, deadline: now + Self.lingerTime)
    session.startReading()
    if session.backlog == 0 { session.shutdownWriting() }
  }

  /// Everything that was left over has gone out.
  package func drained(_ session: Session) {
    backlogs.forget(session.id)
    if session.phase == .leaving {
      session.shutdownWriting()
    } else if listing.contains(session.id) {
      nextTurn?.schedule(after: .zero)
    }
  }

  func expireLingering(at now: Instant) {
    guard !lingering.isEmpty else { return }
    for (key, departure) in lingering where departure.deadline <= now {
      lingering[key] = nil
      departure.session.close()
    }
  }

  // MARK: What sending has shown

  func account(_ delivery: Outbox.Delivery, of session: Session, at now: Instant) {
    switch delivery {
    case .left(let count):
      backlogs.left(count, for: session, at: now)
      heapTrimmer.note(backlogs.total)
      if backlogs.isOverHardLimit(session) { closeLater(session, .slowReader) }
      if backlogs.isOverTotal {
        for victim in backlogs.excess() { closeLater(victim, .backlogBudget) }
      }
    case .failed:
      closeLater(session, .networkError)
    }
  }

  /// Closing sends to others, so whoever is found wanting while something is sent is closed afterwards. Its unread bytes go at once:
  /// they are the memory that was too much.
  func closeLater(_ session: Session, _ reason: CloseReason) {
    guard !session.isClosing else { return }
    session.isClosing = true
    session.discardOutput()
    backlogs.forget(session.id)
    pendingCloses.append(PendingClose(session: session, reason: reason))
  }

  func closePending() {
    guard !pendingCloses.isEmpty else { return }
    let all = pendingCloses
    pendingCloses.removeAll()
    for doom in all where !doom.session.isClosed && session(doom.session.id) === doom.session {
      close(doom.session, doom.reason)
    }
  }
}
