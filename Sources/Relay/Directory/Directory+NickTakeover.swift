import Units
import Wire

/// A pending connection asks for a nick that is held (protocol.md §3.1): the holder shows life, or loses it.
package struct NickTakeover {
  package let claimant: PeerID
  package let holder: PeerID
  /// When silence is answer enough.
  package let deadline: Instant
}

extension Directory {
  package func beginTakeover(
    _ holder: PeerID, for claimant: PeerID, request: HandshakeRequest, at now: Instant,
    into actions: inout Actions
  ) {
    guard let index = registry.index(of: claimant), let held = registry.index(of: holder) else {
      return
    }
    pendingHandshakes[claimant] = request
    let last = lastTakeover[request.nick]
    let isTooSoon = last.map { now < $0 + limits.takeoverInterval } ?? false
    // A verified owner yields to nobody who has not proved the same.
    guard !registry[held].flags.contains(.verified), nickTakeovers[request.nick] == nil, !isTooSoon,
      probe(held, at: now, into: &actions)
    else {
      return reject(claimant, .nickTaken, into: &actions)
    }
    registry[held].flags.insert(.contested)
    registry[index].state = .waiting
    registry[index].nick = request.nick
    nickTakeovers[request.nick] = NickTakeover(
      claimant: claimant, holder: holder, deadline: now + limits.takeoverTime)
    lastTakeover[request.nick] = now
    counters.takeovers += 1
    actions.add(.hold(claimant))
  }

  /// The holder has sent something: it keeps its nick.
  func refuseTakeover(_ holder: Int, into actions: inout Actions) {
    registry[holder].flags.remove(.contested)
    guard let takeover = nickTakeovers.removeValue(forKey: registry[holder].nick) else { return }
    reject(takeover.claimant, .nickTaken, into: &actions)
  }

  /// One of the two has left: if it was the holder, the claimant takes the nick at once.
  func settleTakeover(of nick: Nick, afterLeaving id: PeerID, into actions: inout Actions) {
    guard let takeover = nickTakeovers[nick] else { return }
    if takeover.holder == id {
      nickTakeovers[nick] = nil
      succeed(takeover.claimant, into: &actions)
    } else if takeover.claimant == id {
      nickTakeovers[nick] = nil
      if let held = registry.index(of: takeover.holder) {
        registry[held].flags.remove(.contested)
      }
    }
  }

  /// Challenges are at most as many as newcomers, and there are seldom any.
  func expireTakeovers(at now: Instant, into actions: inout Actions) {
    if !nickTakeovers.isEmpty {
      for takeover in nickTakeovers.values.filter({ $0.deadline <= now }).sorted(by: {
        ($0.deadline, $0.claimant.slot) < ($1.deadline, $1.claimant.slot)
      }) {
        close(takeover.holder, .displaced, into: &actions)
      }
    }
    if !lastTakeover.isEmpty {
      lastTakeover = lastTakeover.filter { now < $0.value + limits.takeoverInterval }
    }
  }

  private func succeed(_ claimant: PeerID, into actions: inout Actions) {
    guard let request = pendingHandshakes[claimant] else { return }
    guard !isStopping else { return reject(claimant, .stopping, into: &actions) }
    guard registry.peerCount < limits.peers else {
      return reject(claimant, .full, into: &actions)
    }
    admit(claimant, request, into: &actions)
    actions.add(.resume(claimant))
  }
}
