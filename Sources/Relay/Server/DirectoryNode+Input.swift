import Directory
import EventLoop
import Logging
import Settings
import Units
import Wire

/// Hands the lines that sessions read to the directory.
extension DirectoryNode {
  func receiveFrame(_ line: ByteView, from session: Session) {
    let now = loop.coarseNow
    do {
      try decoder.withFrame(line) { frame in
        directory.receive(frame, from: session.id, at: now, into: &actions)
        perform()
      }
    } catch {
      if !hasProxyLine(Int(session.listener)) { noteProxyMismatch(in: line, of: session) }
      log.debug("not a frame", metadata: ["connection": "\(session.id)", "fault": "\(error)"])
      close(session, .malformed)
    }
  }

  /// - Parameter line: empty for one that is longer than the limit.
  func receiveProof(_ line: ByteView, from session: Session) {
    budget.takeProof()
    directory.receiveProof(
      line, from: session.id, maxNesting: settings.maxNesting, at: loop.coarseNow, into: &actions)
    perform()
  }

  func identify(_ session: Session, circuit: CircuitID) {
    log.debug(
      "circuit",
      metadata: [
        "connection": "\(session.id)", "circuit": "\(circuit.value)",
        "listener": "\(listenerName(of: session))",
      ])
    directory.identify(session.id, circuit: circuit, into: &actions)
    perform()
  }

  // MARK: Budgets

  /// Takes one read from this turn's budget.
  func takeFurtherRead() -> Bool {
    guard !isBusyTimeOver, budget.takeFurtherRead() else { return false }
    scheduleTurnEnd()
    return true
  }

  /// Returns whether this turn's budget allows one more proof. If not, the session waits for a
  /// later turn.
  func mayCheckProof(of session: Session) -> Bool {
    if budget.hasProofs { return true }
    session.move(to: .proofPostponed)
    deferred.postpone(session.id)
    nextTurn?.schedule(after: .zero)
    return false
  }

  /// Reads only as many sessions as the budget allows: scanning a flood in each turn would cost
  /// more than the checks.
  func readPostponed() {
    while budget.hasProofs, let id = deferred.popPostponed() {
      guard let session = sessions[id], session.state == .proofPostponed else { continue }
      session.move(to: .awaitingProof)
      session.startReading()
      session.read()
    }
    if deferred.hasPostponed { nextTurn?.schedule(after: .zero) }
  }

  // MARK: New connections

  /// Whether this turn's budget allows a new connection and none is deferred.
  var mayAccept: Bool { budget.hasTimeForNewConnections && !deferred.hasFresh }

  /// Calls `body`, which serves a new connection, and counts its time towards all new connections.
  func spendOnNewConnections(_ body: () -> Void) {
    let start = loop.systemNow
    body()
    spendOnNewConnections(since: start)
  }

  /// Counts the time from `start` until now towards all new connections.
  func spendOnNewConnections(since start: Instant) {
    budget.spendOnNewConnections(from: start, to: loop.systemNow)
    scheduleTurnEnd()
  }

  /// Lets a session before its handshake read now, or after the deferred ones before it.
  func readFresh(_ session: Session) {
    if session.isDeferred { return session.limitInput() }
    guard mayAccept else {
      session.isDeferred = true
      deferred.addFresh(session.id)
      nextTurn?.schedule(after: .zero)
      return
    }
    spendOnNewConnections { session.read() }
  }

  /// Lets deferred new connections read in order of arrival, until their time in this turn is used
  /// up.
  func readDeferredFresh() {
    while budget.hasTimeForNewConnections, let id = deferred.popFresh() {
      guard let session = sessions[id], session.isDeferred else { continue }
      session.isDeferred = false
      session.startReading()
      spendOnNewConnections { session.read() }
    }
    if deferred.hasFresh { nextTurn?.schedule(after: .zero) }
  }

  // MARK: Much at once

  /// Records a session that has filled its first read.
  func readLater(_ session: Session) {
    session.stopReading()
    deferred.addBusy(session.id)
    nextTurn?.schedule(after: .zero)
  }

  /// Whether a session that is read now has to stop for the next one that has sent much.
  private var isBusyTimeOver: Bool {
    guard let end = budget.busyEnd, deferred.hasBusy else { return false }
    return loop.systemNow >= end
  }

  /// Lets sessions that have sent much at once read in order of arrival, until their time in this
  /// turn is used up.
  func readBusy() {
    guard deferred.hasBusy else { return }
    let end = loop.systemNow + TurnBudget.busyTime
    budget.busyEnd = end
    repeat {
      guard let id = deferred.popBusy() else { break }
      guard let session = sessions[id], session.state == .present else { continue }
      session.startReading()
      session.read()
    } while loop.systemNow < end
    budget.busyEnd = nil
    if deferred.hasBusy { nextTurn?.schedule(after: .zero) }
  }

  /// Lets sessions that were held process what they sent meanwhile.
  func readAdmitted() {
    while let id = deferred.popAdmitted() {
      guard let session = sessions[id], session.state == .present else { continue }
      session.startReading()
      session.read()
    }
  }
}
