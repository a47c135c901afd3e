import Units
import Wire

/// A newcomer asks for a nick that is held (protocol.md §3.1): the holder shows life, or loses it.
package struct Challenge {
  package let newcomer: PeerID
  package let holder: PeerID
  /// When silence is answer enough.
  package let deadline: Instant
}

extension Directory {
  package func challenge(
    _ holder: PeerID, for newcomer: PeerID, offer: HandshakeOffer, at now: Instant,
    into actions: inout Actions
  ) {
    guard let index = registry.index(of: newcomer), let held = registry.index(of: holder) else {
      return
    }
    offersOfNewcomers[newcomer] = offer
    let last = lastChallenge[offer.nick]
    let isTooSoon = last.map { now < $0 + limits.challengeInterval } ?? false
    // A verified owner yields to nobody who has not proved the same.
    guard !registry[held].flags.contains(.verified), challenges[offer.nick] == nil, !isTooSoon,
      probe(held, at: now, into: &actions)
    else {
      return reject(newcomer, .nickTaken, into: &actions)
    }
    registry[held].flags.insert(.challenged)
    registry[index].state = .waiting
    registry[index].nick = offer.nick
    challenges[offer.nick] = Challenge(
      newcomer: newcomer, holder: holder, deadline: now + limits.challengeTime)
    lastChallenge[offer.nick] = now
    counters.challenges += 1
    actions.add(.hold(newcomer))
  }

  /// The holder has sent something: it keeps its nick.
  func answerChallenge(_ holder: Int, into actions: inout Actions) {
    registry[holder].flags.remove(.challenged)
    guard let challenge = challenges.removeValue(forKey: registry[holder].nick) else { return }
    reject(challenge.newcomer, .nickTaken, into: &actions)
  }

  /// One of the two has left: if it was the holder, the newcomer takes the nick at once.
  func settleChallenge(of nick: Nick, afterLeaving id: PeerID, into actions: inout Actions) {
    guard let challenge = challenges[nick] else { return }
    if challenge.holder == id {
      challenges[nick] = nil
      succeed(challenge.newcomer, into: &actions)
    } else if challenge.newcomer == id {
      challenges[nick] = nil
      if let held = registry.index(of: challenge.holder) {
        registry[held].flags.remove(.challenged)
      }
    }
  }

  /// Challenges are at most as many as newcomers, and there are seldom any.
  func expireChallenges(at now: Instant, into actions: inout Actions) {
    if !challenges.isEmpty {
      for challenge in challenges.values.filter({ $0.deadline <= now }).sorted(by: {
        ($0.deadline, $0.newcomer.slot) < ($1.deadline, $1.newcomer.slot)
      }) {
        close(challenge.holder, .displaced, into: &actions)
      }
    }
    if !lastChallenge.isEmpty {
      lastChallenge = lastChallenge.filter { now < $0.value + limits.challengeInterval }
    }
  }

  private func succeed(_ newcomer: PeerID, into actions: inout Actions) {
    guard let offer = offersOfNewcomers[newcomer] else { return }
    guard !isStopping else { return reject(newcomer, .stopping, into: &actions) }
    guard registry.peerCount < limits.peers else {
      return reject(newcomer, .full, into: &actions)
    }
    seat(newcomer, offer, into: &actions)
    actions.add(.resume(newcomer))
  }
}
