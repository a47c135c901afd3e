import EventLoop
import Units
import Wire

/// From bytes to the directory. Per turn 4 KiB of each peer and 60 KiB more of some, 256 KiB of those together, and the beginning of a
/// line from before, so that neither one flooding peer nor many at once keep the others from their turn.
extension DirectoryNode {
  /// Reads of one peer in one turn.
  static let readsPerTurn = 16
  /// Reads in one turn on top of each peer's first.
  static let furtherReadsPerTurn = 64

  package func read(_ session: Session) {
    guard session.phase != .leaving else { return session.discardInput() }
    guard session.phase != .held, !session.isPostponed else { return limitInput(of: session) }
    let now = loop.coarseNow
    var isFilled = session.inputCount >= Connection.readSize
    consumeInput(of: session, at: now)
    var reads = 1
    while isFilled, reads < Self.readsPerTurn, furtherReadsLeft > 0, !session.isClosed,
      session.phase.takesLines, !session.isPostponed
    {
      isFilled = session.receiveMore() == Connection.readSize
      consumeInput(of: session, at: now)
      reads += 1
      furtherReadsLeft -= 1
      // Which gives them back.
      scheduleTurnEnd()
    }
    if !session.isClosed, session.phase == .leaving { session.discardInput() }
  }

  private func consumeInput(of session: Session, at now: Instant) {
    var whole = false
    while !session.isClosed, session.phase.takesLines {
      let available = session.inputCount
      guard available > 0 else { return }
      var taken = 0
      var seen = 0
      session.withInput(whole: whole) { bytes in
        seen = bytes.count
        taken = consume(bytes, of: session, at: now)
        return taken
      }
      // A line that begins in the first piece and ends in a later one needs them in one.
      if taken == 0 {
        if whole || seen == available { return }
        whole = true
      } else {
        whole = false
      }
    }
  }

  /// Hands over every complete line and says how many bytes that took.
  private func consume(
    _ bytes: UnsafeRawBufferPointer, of session: Session, at now: Instant
  ) -> Int {
    var start = 0
    defer { bytesIn += start }
    while !session.isClosed, session.phase.takesLines {
      if session.phase == .proving, proofsLeft == 0 {
        postpone(session)
        break
      }
      switch session.framer.next(in: bytes, from: start) {
      case .line(let range, let consumed):
        start = consumed
        take(bytes.part(range), of: session, at: now)
      case .incomplete where session.phase == .expectingProxyLine:
        // Tor writes it at once, and nobody else has a reason to come in pieces.
        noteProxyMismatch(in: bytes.part(start..<bytes.count))
        close(session, .badProxyLine)
        return start
      case .incomplete:
        session.framer.drained(start)
        return start
      case .tooLong where session.phase == .proving:
        takeProof(UnsafeRawBufferPointer(start: nil, count: 0), of: session, at: now)
        return start
      case .tooLong:
        let isProxyLine = session.phase == .expectingProxyLine
        if isProxyLine { noteProxyMismatch(in: bytes.part(start..<bytes.count)) }
        close(session, isProxyLine ? .badProxyLine : .tooLong)
        return start
      }
    }
    session.framer.drained(start)
    return start
  }

  private func take(_ line: UnsafeRawBufferPointer, of session: Session, at now: Instant) {
    if session.phase == .expectingProxyLine { return takeProxyLine(line, of: session) }
    if session.phase == .proving { return takeProof(line, of: session, at: now) }
    guard !line.isEmpty else { return }
    do {
      try decoder.withFrame(line) { frame in
        directory.receive(frame, from: session.id, at: now, into: &actions)
        perform(now, frame: frame)
      }
    } catch {
      if !settings.proxyProtocol { noteProxyMismatch(in: line) }
      log.debug("not a frame", metadata: ["connection": "\(session.id)", "fault": "\(error)"])
      close(session, .malformed)
    }
  }

  private func takeProxyLine(_ line: UnsafeRawBufferPointer, of session: Session) {
    do {
      let circuit = try ProxyLine.parse(line)
      log.debug(
        "circuit", metadata: ["connection": "\(session.id)", "circuit": "\(circuit.value)"])
      session.phase = .reading
      session.framer = LineFramer(limit: lineLimit)
      directory.identify(session.id, circuit: circuit, into: &actions)
      perform(loop.coarseNow)
    } catch {
      noteProxyMismatch(in: line)
      close(session, .badProxyLine)
    }
  }

  private func takeProof(_ line: UnsafeRawBufferPointer, of session: Session, at now: Instant) {
    proofsLeft -= 1
    directory.receiveProof(
      line, from: session.id, maxNesting: settings.maxNesting, at: now, into: &actions)
    perform(now)
  }

  /// Checking a signature takes some 50 µs: past so many of them the others have their turn first.
  private func postpone(_ session: Session) {
    guard !session.isPostponed else { return }
    session.isPostponed = true
    postponed.append(session.id)
    nextTurn?.schedule(after: .zero)
  }

  /// Only as many as may be checked: to look at all of a flood each turn would cost the others more than the checks do.
  func readPostponed() {
    while proofsLeft > 0, let id = postponed.popFirst() {
      guard let session = session(id) else { continue }
      session.isPostponed = false
      session.startReading()
      read(session)
    }
    if !postponed.isEmpty { nextTurn?.schedule(after: .zero) }
  }

  /// A peer that is held, or whose proof waits, may send on, but not fill our memory; its leaving must still be seen.
  private func limitInput(of session: Session) {
    if session.inputCount > lineLimit { session.stopReading() }
  }

  /// Peers that were held may go on with what they sent meanwhile.
  func resumeHeld() {
    while let id = resumed.popLast() {
      guard let session = session(id), session.phase == .held else { continue }
      session.phase = .reading
      session.startReading()
      read(session)
    }
  }
}

extension Session.Phase {
  var takesLines: Bool { self == .expectingProxyLine || self == .reading || self == .proving }
}
