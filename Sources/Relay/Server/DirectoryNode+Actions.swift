import Directory
import Units
import Wire

/// The directory's actions, done in order.
extension DirectoryNode {
  /// Performs and empties `actions`. `frame` is the one being received, while it is.
  func perform(_ now: Instant, frame: Frame? = nil) {
    scheduleRelease()
    guard !actions.isEmpty else { return }
    for action in actions.items { perform(action, frame: frame) }
    actions.removeAll()
    if outbox.isFull { flush() }
    if !outbox.isEmpty || !pendingCloses.isEmpty || !listing.isEmpty || !resumed.isEmpty {
      scheduleTurnEnd()
    }
  }

  private func perform(_ action: Actions.Action, frame: Frame?) {
    switch action {
    case .relay(let receiver):
      if let frame, let session = session(receiver) { outbox.send(frame, to: session) }
    case .broadcast(let sender):
      if let frame { outbox.broadcast(frame, except: session(sender)) }
    case .send(let range, let receiver):
      guard let session = session(receiver) else { return }
      actions.bytes.withUnsafeBytes { outbox.send($0.part(range), to: session) }
    case .sendAll(let range, let except):
      actions.bytes.withUnsafeBytes {
        outbox.broadcast($0.part(range), except: except.flatMap(session))
      }
    case .admit(let id, let takesLongFrames):
      guard let session = session(id) else { return }
      if session.phase == .proving { session.phase = .reading }
      session.takesLongFrames = takesLongFrames
      outbox.subscribe(session)
    case .noteUnusableLocation(let id):
      log.debug("no usable location: taken as not serving", metadata: ["connection": "\(id)"])
    case .hold(let id):
      if let session = session(id), session.phase == .reading { session.phase = .held }
    case .prove(let id):
      if let session = session(id), session.phase == .reading { session.phase = .proving }
    case .resume(let id):
      resumed.append(id)
    case .sendPeerlist(let id):
      listing.append(id)
    case .close(let id, let reason, let flush):
      if let session = session(id) { part(from: session, reason, flush: flush) }
    }
  }
}
