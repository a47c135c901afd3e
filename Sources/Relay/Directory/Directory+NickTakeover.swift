import Units
import Wire

/// Sends a probe to the holder of a nick when another connection claims it (protocol.md §3.1).
extension Directory {
  package func beginTakeover(
    _ holder: PeerID, for claimant: PeerID, request: HandshakeRequest,
    into actions: inout Actions
  ) {
    guard let index = registry.index(of: claimant), let held = registry.index(of: holder) else {
      return
    }
    if registry[held].flags.contains(.evictable), !registry[held].flags.contains(.verified) {
      counters.takeovers += 1
      close(holder, .displaced, into: &actions)
      return admit(claimant, request, into: &actions)
    }
    // A verified holder keeps its nick unless the claimant has proved the same key.
    guard !registry[held].flags.contains(.verified),
      takeovers.mayStart(request.nick, at: now, interval: limits.takeoverInterval),
      probe(held, into: &actions)
    else {
      return reject(claimant, .nickTaken, nick: request.nick, into: &actions)
    }
    pending.keep(request, of: claimant)
    registry[held].flags.insert(.contested)
    registry[index].state = .waiting
    registry[index].nick = request.nick
    let takeover = NickTakeover(
      claimant: claimant, holder: holder, deadline: now + limits.takeoverTime)
    takeovers.start(takeover, of: request.nick, at: now)
    counters.takeovers += 1
    actions.add(.hold(claimant))
  }

  /// Ends a takeover: the holder has sent something and keeps its nick.
  func refuseTakeover(_ holder: Int, into actions: inout Actions) {
    registry[holder].flags.remove(.contested)
    guard let takeover = takeovers.end(registry[holder].nick) else { return }
    reject(takeover.claimant, .nickTaken, into: &actions)
  }

  /// Ends a takeover because one of the two has left. If it was the holder, the claimant takes the
  /// nick at once.
  func settleTakeover(of nick: Nick, afterLeaving id: PeerID, into actions: inout Actions) {
    switch takeovers.end(nick, afterLeaving: id) {
    case .holderLeft(let claimant): succeed(claimant, into: &actions)
    case .claimantLeft(let holder):
      if let held = registry.index(of: holder) { registry[held].flags.remove(.contested) }
    case nil: return
    }
  }

  /// Restarts a peer's time for an answer. Called while the peer reads what was queued before its
  /// probe, and when the probe itself has left.
  package func noteReading(_ id: PeerID, at time: Instant) {
    advance(to: time)
    guard let index = registry.index(of: id) else { return }
    if registry[index].flags.contains(.contested) {
      takeovers.postpone(registry[index].nick, to: now + limits.takeoverTime)
    }
    if registry[index].flags.contains(.probed) { heartbeat.noteReading(of: id, at: now) }
  }

  func expireTakeovers(into actions: inout Actions) {
    for takeover in takeovers.due(at: now) { close(takeover.holder, .displaced, into: &actions) }
    takeovers.forgetStarts(at: now, interval: limits.takeoverInterval)
  }

  private func succeed(_ claimant: PeerID, into actions: inout Actions) {
    guard let request = pending.request(of: claimant) else { return }
    guard !isStopping else { return reject(claimant, .stopping, into: &actions) }
    guard makePlace(into: &actions) else {
      return reject(claimant, .full, into: &actions)
    }
    admit(claimant, request, into: &actions)
  }
}
