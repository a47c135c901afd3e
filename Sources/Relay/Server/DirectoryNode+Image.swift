import Directory
import EventLoop
import StateImage
import Units
import Wire

/// Converts the node's state to an image and hands over its sockets, and the way back
/// (docs/state-image.md).
extension DirectoryNode {
  /// Ends the turn and returns everything that the next process needs. The loop must not run after
  /// this, so the caller hands it over before it returns to the loop. The sockets stay the node's:
  /// a store gets copies of them.
  /// - Parameter status: the listener of the status port.
  package func handOver(
    status: (listener: Listener.HandOver, lent: LentDescriptor)?
  ) -> (image: StateImage, descriptors: [LentDescriptor]) {
    finishTurn()
    var descriptors: [LentDescriptor] = []
    var listenerImages: [ListenerImage] = []
    func add(
      _ listener: Listener.HandOver, _ lent: LentDescriptor, _ purpose: ListenerImage.Purpose
    ) {
      guard let cookie = SocketCalls.cookie(of: lent.number) else { return }
      descriptors.append(lent)
      listenerImages.append(
        ListenerImage(
          purpose: purpose, cookie: cookie, configured: Array("\(listener.configured)".utf8),
          fileDevice: listener.fileDevice, fileInode: listener.fileInode))
    }
    for listener in acceptGate.listeners {
      if let state = listener.handOver { add(state, listener.lent, .peers) }
    }
    if let status { add(status.listener, status.lent, .status) }
    let now = loop.now
    var peers: [PeerImage] = []
    for session in sessions.all {
      guard let phase = session.state.image, let socket = SocketImage(of: session),
        let peer = directory.image(
          of: session.id, socket: socket, phase: phase, listener: session.listener,
          backlog: backlogs.progress(of: session.id) ?? (now, now),
          watchedAt: probeWatch.progressAt(of: session.id))
      else { continue }
      peers.append(peer)
      descriptors.append(session.lent)
    }
    let lingeringImages = sessions.allLingering.compactMap { session, deadline -> LingeringImage? in
      guard let socket = SocketImage(of: session) else { return nil }
      descriptors.append(session.lent)
      return LingeringImage(socket: socket, deadline: deadline)
    }
    let image = StateImage(
      directory: directory.image(
        listing: peerlists.all, listenerNames: listenerStates.map(\.name), at: now,
        systemTime: loop.systemNow),
      listeners: listenerImages,
      peers: peers, lingering: lingeringImages)
    return (image, descriptors)
  }

  /// Flushes all queued frames to the kernel or into output buffers, and closes sessions in
  /// `.closing`.
  private func finishTurn() {
    repeat {
      endTurn()
      while outbox.isSending { sendMore() }
    } while !outbox.isEmpty || sessions.hasClosing || deferred.hasAdmitted
  }

  /// The result of a restart.
  package struct Restored {
    package var connections = 0
    /// Connections that were closed: their socket is missing or their values are not valid.
    package var lost = 0
  }

  /// Continues the work of another process. Nothing is read or written before all peers are
  /// restored.
  /// - Parameter sockets: the sockets by their `SO_COOKIE`. Those that no peer has are closed.
  package func restore(_ image: StateImage, sockets: [UInt64: HeldDescriptor]) -> Restored {
    var image = image
    image.renumberListeners(numbering(image.directory.listenerNames))
    var sockets = sockets
    var restored = Restored()
    var missing: [PeerID] = []
    for peer in image.peers {
      let socket = sockets.removeValue(forKey: peer.socket.cookie)
      guard let id = directory.restore(peer) else {
        restored.lost += 1
        continue
      }
      if let socket {
        adopt(peer, as: id, socket.take())
        restored.connections += 1
      } else {
        missing.append(id)
        restored.lost += 1
      }
    }
    let now = loop.now
    directory.restore(image.directory, peers: image.peers, at: now, into: &actions)
    for peer in image.peers {
      if let proof = peer.proof {
        directory.settleProof(of: PeerID(peer.key), proof, into: &actions)
      }
    }
    for id in missing { directory.leave(id, .networkError, into: &actions) }
    for close in image.lingering {
      guard let socket = sockets.removeValue(forKey: close.socket.cookie) else { continue }
      restoreLingering(close, socket.take())
    }
    perform()
    goOn(image.directory.listing.map(PeerID.init))
    return restored
  }

  /// Returns the new positions of the old listeners. A listener that no longer exists gets an
  /// unused position.
  private func numbering(_ names: [[UInt8]]) -> (UInt16) -> UInt16 {
    let current = listenerStates.map { Array($0.name.utf8) }
    return { number in
      let place =
        Int(number) < names.count ? current.firstIndex(of: names[Int(number)]) : nil
      return UInt16(clamping: place ?? current.count + Int(number))
    }
  }

  private func adopt(_ peer: PeerImage, as id: PeerID, _ socket: consuming Descriptor) {
    let session = Session(
      on: loop, adopting: socket, id: id, node: self, listener: peer.listener,
      in: Session.State(peer.phase, isPresent: peer.state == .present))
    sessions.insert(session)
    session.restoreBuffers(input: peer.socket.input, output: peer.socket.output)
    backlogs.restore(
      session, progressAt: peer.backlogProgressAt, takenAt: peer.backlogTakenAt)
    if let watchedAt = peer.watchedAt { probeWatch.restore(id, progressAt: watchedAt) }
    guard peer.state == .present else { return }
    session.takesLongFrames = !Peer.Flags(rawValue: peer.flags).contains(.oldClient)
    outbox.subscribe(session)
  }

  private func restoreLingering(_ close: LingeringImage, _ socket: consuming Descriptor) {
    // The directory has forgotten it, so it has no slot. Its close was logged and counted.
    let id = PeerID(PeerKey(slot: .max, generation: 0))
    let session = Session(
      on: loop, adopting: socket, id: id, node: self, listener: 0,
      in: .lingering(.shutdown, until: close.deadline))
    sessions.insertLingering(session)
    session.restoreBuffers(input: [], output: close.socket.output)
    session.startReading()
    if session.backlog == 0 { session.shutdownWriting() }
  }

  /// Processes input from before the restart and continues peerlists.
  private func goOn(_ listing: [PeerID]) {
    for id in listing where sessions[id] != nil { peerlists.add(id) }
    for session in Array(sessions.all) where session.state.isOpen {
      session.startReading()
      if session.inputCount > 0 { session.read() }
    }
    scheduleTurnEnd()
    scheduleRelease()
    acceptGate.accepted(connections: connectionCount)
  }
}

extension SocketImage {
  fileprivate init?(of session: Session) {
    guard let cookie = SocketCalls.cookie(of: session.descriptor) else { return nil }
    let buffers = session.copyBuffers()
    self.init(cookie: cookie, input: buffers.input, output: buffers.output)
  }
}

extension Session.State {
  /// Nil for a session that the directory has forgotten.
  fileprivate var image: PeerImage.Phase? {
    switch self {
    case .expectingProxyLine: .expectingProxyLine
    case .handshaking, .present: .reading
    // Its proof is checked in the next turn.
    case .awaitingProof, .proofPostponed: .proving
    case .held: .held
    case .closing, .lingering, .closed: nil
    }
  }

  fileprivate init(_ image: PeerImage.Phase, isPresent: Bool) {
    switch image {
    case .expectingProxyLine: self = .expectingProxyLine
    case .reading: self = isPresent ? .present : .handshaking
    case .proving: self = .awaitingProof
    case .held: self = .held
    }
  }
}
