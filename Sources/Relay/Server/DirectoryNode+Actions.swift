import Directory
import EventLoop
import Logging
import Units
import Wire

/// Performs the directory's actions.
extension DirectoryNode {
  /// Performs and empties `actions`. It queues what is sent; only connections that close are
  /// written to now.
  func perform() {
    scheduleRelease()
    guard !actions.isEmpty else { return }
    for action in actions.items { perform(action) }
    actions.removeAll()
    if outbox.isFull { flush() }
    if !outbox.isEmpty || sessions.hasClosing || peerlists.canGoOn || deferred.hasAdmitted {
      scheduleTurnEnd()
    }
  }

  /// A slow reader would answer a probe behind a flood too late.
  private func sendProbe(_ message: Actions.Message, to receiver: PeerID) {
    guard let session = sessions[receiver], case .made(let range, let type) = message else {
      return
    }
    probeWatch.add(receiver, at: loop.now)
    actions.bytes.withView { bytes in
      guard session.state.isOpen, session.backlog > 0 else {
        return outbox.send(bytes.part(range), type: type, to: session)
      }
      let overtaken = outbox.sendAhead(bytes.part(range), type: type, to: session)
      backlogs.left(range.count, for: session, at: loop.coarseNow)
      probeWatch.noteSent(receiver, end: session.handedCount - overtaken)
    }
  }

  private func perform(_ action: Actions.Action) {
    switch action {
    case .send(.received(let frame), let receiver):
      if let session = sessions[receiver] { outbox.send(frame, to: session) }
    case .send(.made(let range, let type), let receiver):
      guard let session = sessions[receiver] else { return }
      actions.bytes.withView { outbox.send($0.part(range), type: type, to: session) }
    case .broadcast(.received(let frame), let sender):
      outbox.broadcast(frame, except: sender.flatMap { sessions[$0] })
    case .broadcast(.made(let range, let type), let sender):
      actions.bytes.withView {
        outbox.broadcast($0.part(range), type: type, except: sender.flatMap { sessions[$0] })
      }
    case .probe(let message, let receiver): sendProbe(message, to: receiver)
    case .admit(let id, let takesLongFrames):
      guard let session = sessions[id], session.state.isOpen else { return }
      if session.state == .held { deferred.admit(id) }
      session.move(to: .present)
      session.takesLongFrames = takesLongFrames
      outbox.subscribe(session)
    case .noteUnusableLocation(let id):
      log.debug(
        "no usable location: treated as NOT-SERVING-ONION", metadata: ["connection": "\(id)"])
    case .hold(let id):
      if let session = sessions[id], session.state.isOpen { session.move(to: .held) }
    case .prove(let id):
      if let session = sessions[id], session.state.isOpen { session.move(to: .awaitingProof) }
    case .sendPeerlist(let id):
      peerlists.add(id)
    case .close(let id, let reason, let flush):
      if let session = sessions[id] { finishClose(session, reason, flush: flush) }
    }
  }
}
