import Identity
import StateImage
import Units
import Wire

/// Converts the directory's state to an image and back (docs/state-image.md). The image leaves out
/// counters, pages of peerlists and the shared texts of features.
extension Directory {
  /// Returns the state that belongs to no single peer.
  package func image(
    listing: [PeerID], listenerNames: [String], at now: Instant, systemTime: Instant
  ) -> DirectoryImage {
    return DirectoryImage(
      nick: identity.nick.bytes, writtenAt: now, systemTime: systemTime, sweep: heartbeat.state,
      fanOut: publicLines.budget.state, circuits: circuits.state(at: now),
      delayed: Self.image(of: publicLines.lines, areRequests: false)
        + Self.image(of: publicLines.requests, areRequests: true),
      recentTakeovers: takeovers.starts.map {
        RecentTakeoverImage(nick: $0.key.bytes, at: $0.value)
      },
      listing: listing.map(PeerKey.init), listenerNames: listenerNames.map { Array($0.utf8) })
  }

  private static func image(of queue: FairQueue, areRequests: Bool) -> [DelayedImage] {
    queue.waiting.map { line, flow, level in
      DelayedImage(
        frame: line.frame, sender: PeerKey(line.sender), flow: flow.value,
        isStranger: flow.isStranger, level: UInt8(level), isRequest: areRequests,
        nick: line.nick.bytes, isDeparture: line.type == .peerlist)
    }
  }

  /// Returns the state of one peer, or nil if it has left. The caller adds its socket.
  package func image(
    of id: PeerID, socket: SocketImage, phase: PeerImage.Phase, listener: UInt16,
    backlog: (progressAt: Instant, takenAt: Instant), watchedAt: Instant?
  ) -> PeerImage? {
    guard let index = registry.index(of: id) else { return nil }
    let peer = registry[index]
    let state: PeerImage.State
    switch peer.state {
    case .free: return nil
    case .pending: state = .pending
    case .waiting: state = .waiting
    case .proving: state = .proving
    case .present: state = .present
    }
    let takeover = takeovers[peer.nick]
    return PeerImage(
      key: PeerKey(id), socket: socket, phase: phase, listener: listener,
      backlogProgressAt: backlog.progressAt, backlogTakenAt: backlog.takenAt,
      state: state, flags: peer.flags.rawValue, features: peer.features.rawValue,
      nick: peer.nick.bytes, entry: peer.entry, featureText: peer.featureText,
      connectedAt: peer.connectedAt, lastReceived: peer.lastReceived,
      buckets: PeerBuckets(
        messages: peer.messages.fullAgain, publicFrames: peer.publicFrames.fullAgain,
        publicBytes: peer.publicBytes.fullAgain,
        orderbookRequests: peer.orderbookRequests.fullAgain,
        peerlistRequests: peer.peerlistRequests.fullAgain),
      violations: peer.violations, keyTag: peer.keyTag, circuit: peer.circuit?.value,
      offers: peer.offers,
      listsFrom: peer.listCursor < 0
        ? nil : peer.listCursor * Int32(registry.peerlistCache.slotsPerPage),
      handshake: (proofs[id]?.request ?? pending.request(of: id)).map(HandshakeImage.init),
      proof: proofs[id].map {
        ProofImage(
          nonce: $0.nonce.withBytes(Array.init),
          directoryID: Array((policy?.directoryID.description ?? "").utf8),
          deadline: proofs.deadline(of: id) ?? peer.lastReceived)
      },
      takeover: takeover?.claimant == id
        ? takeover.map { TakeoverImage(holder: PeerKey($0.holder), deadline: $0.deadline) } : nil,
      probedAt: peer.flags.contains(.probed) ? heartbeat.probeSentAt(to: id) : nil,
      readAt: heartbeat.readingAt(of: id), watchedAt: watchedAt)
  }

  // MARK: Back

  /// Restores one peer in its old slot. Called for each peer, in any order, before `restore(_:)`
  /// for the rest.
  /// - Returns: nil when its values are not valid; the peer is not restored then.
  package func restore(_ image: PeerImage) -> PeerID? {
    guard let peer = Peer(image, slotsPerPage: registry.peerlistCache.slotsPerPage) else {
      return nil
    }
    let handshake = image.handshake.flatMap { HandshakeRequest($0, on: identity.network) }
    let nonce = image.proof.flatMap { Bytes32($0.nonce) }
    switch peer.state {
    case .free, .pending, .present: break
    case .waiting: guard handshake != nil, image.takeover != nil else { return nil }
    case .proving: guard handshake != nil, nonce != nil else { return nil }
    }
    guard registry.restore(peer, at: image.key.slot) else { return nil }
    let id = PeerID(image.key)
    if let handshake, let nonce, let proof = image.proof {
      proofs.restore(
        PendingProof(request: handshake, nonce: nonce), of: id, until: proof.deadline)
    } else if let handshake {
      pending.keep(handshake, of: id)
    }
    if let takeover = image.takeover {
      takeovers.restore(
        NickTakeover(claimant: id, holder: PeerID(takeover.holder), deadline: takeover.deadline),
        of: peer.nick)
    }
    return id
  }

  /// Restores the rest, after all peers were restored. A reference to a peer that was not restored
  /// is treated as if that peer had left.
  /// - Parameter peers: the same values that were given to `restore(_:)` for each peer.
  package func restore(
    _ image: DirectoryImage, peers: [PeerImage], at time: Instant, into actions: inout Actions
  ) {
    advance(to: time)
    registry.finishRestoring()
    for peer in peers.sorted(by: { $0.connectedAt < $1.connectedAt }) where peer.state != .present {
      if registry.index(of: PeerID(peer.key)) != nil { pending.add(PeerID(peer.key)) }
    }
    heartbeat.restore(image.sweep, at: now, slots: registry.slots.count)
    let probed = peers.compactMap { peer in peer.probedAt.map { (peer.key, $0) } }
    for (key, sentAt) in probed.sorted(by: { $0.1 < $1.1 }) {
      heartbeat.noteProbe(of: PeerID(key), at: sentAt)
    }
    for peer in peers {
      if let readAt = peer.readAt { heartbeat.noteReading(of: PeerID(peer.key), at: readAt) }
    }
    publicLines.budget.restore(image.fanOut)
    circuits.restore(image.circuits, at: now)
    for waiting in image.delayed { restore(waiting) }
    for recent in image.recentTakeovers {
      if let nick = Nick(recent.nick) { takeovers.restore(start: recent.at, of: nick) }
    }
    for (nick, takeover) in takeovers.all where registry.index(of: takeover.holder) == nil {
      settleTakeover(of: nick, afterLeaving: takeover.holder, into: &actions)
    }
    for index in registry.slots.indices
    where registry[index].flags.contains(.contested) && takeovers[registry[index].nick] == nil {
      registry[index].flags.remove(.contested)
    }
  }

  private func restore(_ waiting: DelayedImage) {
    guard let nick = Nick(waiting.nick) else { return }
    let line = FairQueue.Line(
      frame: waiting.frame, sender: PeerID(waiting.sender), nick: nick,
      type: waiting.isDeparture ? .peerlist : .pubmsg)
    let flow = FairQueue.Flow(value: waiting.flow, isStranger: waiting.isStranger)
    let dropped =
      waiting.isRequest
      ? publicLines.requests.add(line, to: flow, level: Int(waiting.level))
      : publicLines.lines.add(line, to: flow, level: Int(waiting.level))
    for _ in 0..<dropped { counters.dropped.count(.fanoutQueue) }
  }

  /// A proof signs the relay's name, so a proof that was requested under another name cannot be
  /// valid now.
  package func settleProof(of id: PeerID, _ proof: ProofImage, into actions: inout Actions) {
    guard proofs[id] != nil,
      policy.map({ Array($0.directoryID.description.utf8) }) != proof.directoryID
    else { return }
    fail(id, .expired, into: &actions)
  }
}
