import Directory
import EventLoop
import Units
import Wire

/// Sends what was queued: at the end of the turn, or before one session is closed.
///
/// Safe: pieces are sent before `shared`, `own` or the list's page change or are freed.
extension Outbox {
  /// Sends everything queued, broadcasts to the first portion of subscribers. `sendMore` must
  /// follow while `isSending`. Calls `outcome` for every session that did not take all of its part;
  /// it must not queue or close.
  package func flush(_ outcome: (Session, SendOutcome) -> Void) {
    // The next broadcasts follow the last ones.
    if !shared.isEmpty { while isSending { sendMore(outcome) } }
    shared.withView { shared in
      for session in marked { flushView(session, shared, outcome) }
    }
    if !shared.isEmpty, !subscribers.isEmpty {
      Swift.swap(&shared, &rest)
      restStart = 0
      for session in marked where isOwedRest(session) { takeOffRest(session) }
      sendMore(outcome)
    }
    shared.removeAll(keepingCapacity: true)
    own.removeAll(keepingCapacity: true)
    pieces.removeAll(keepingCapacity: true)
    for session in marked { session.turn = View() }
    marked.removeAll(keepingCapacity: true)
  }

  /// Sends broadcasts to the next portion of subscribers. `outcome` as with `flush`.
  package func sendMore(_ outcome: (Session, SendOutcome) -> Void) {
    guard isSending else { return }
    let count = min(portion, max(1, Self.portionBytes / rest.count))
    let end = min(subscribers.count, restStart + count)
    rest.withView { rest in
      for session in subscribers[restStart..<end] where session.state.isOpen {
        report(session.send(rest), of: session, count: rest.count, outcome)
      }
    }
    restStart = end
    if end == subscribers.count { rest.removeAll(keepingCapacity: true) }
  }

  private func sendRest(to session: Session, _ outcome: (Session, SendOutcome) -> Void) {
    guard isOwedRest(session) else { return }
    if session.state.isOpen {
      let sent = rest.withView { session.send($0) }
      report(sent, of: session, count: rest.count, outcome)
    }
    takeOffRest(session)
  }

  /// Sends one session's part now, because it is about to be closed.
  package func flush(_ session: Session, _ outcome: (Session, SendOutcome) -> Void) {
    sendRest(to: session, outcome)
    guard !isEmpty else { return }
    if session.subscriberIndex >= 0 || session.turn.isMarked {
      shared.withView { flushView(session, $0, outcome) }
    }
    mark(session)
    session.turn.first = -1
    session.turn.last = -1
    session.turn.sharedFrom = Int32(shared.count)
  }

  /// Sends a part of a peerlist now, without a copy, after everything queued for its reader.
  package func send(
    _ part: Directory.ListPart, to session: Session, _ outcome: (Session, SendOutcome) -> Void
  ) {
    flush(session, outcome)
    guard session.state.isOpen, part.count > 0 else { return }
    let sent = part.frames.withView { frames in
      vectors.removeAll()
      for range in [0..<part.omitted.lowerBound, part.omitted.upperBound..<frames.count]
      where !range.isEmpty { unsafe vectors.append(frames.part(range)) }
      return session.send(vectors)
    }
    queued.count(.peerlist, frames: part.frameCount, bytes: part.count)
    report(sent, of: session, count: part.count, outcome)
  }

  private func flushView(
    _ session: Session, _ shared: ByteView, _ outcome: (Session, SendOutcome) -> Void
  ) {
    guard session.state.isOpen else { return }
    sendRest(to: session, outcome)
    guard session.state.isOpen else { return }
    if session.subscriberIndex >= 0 { fixShared(session) }
    guard session.turn.first >= 0 else { return }
    own.withView { own in
      vectors.removeAll()
      var index = session.turn.first
      while index >= 0 {
        let piece = pieces[Int(index)]
        let bytes = piece.isShared ? shared : own
        unsafe vectors.append(bytes.part(Int(piece.start)..<Int(piece.end)))
        index = piece.next
      }
      report(session.send(vectors), of: session, count: vectors.byteCount, outcome)
    }
  }

  private func report(
    _ sent: SendOutcome, of session: Session, count: Int,
    _ outcome: (Session, SendOutcome) -> Void
  ) {
    switch sent {
    case .accepted(let left):
      bytesOut += count
      if left > 0 { outcome(session, sent) }
    case .failed: outcome(session, sent)
    }
  }
}
