import Units
import Wire

/// When all places are taken, a new connection displaces the first peer of `EvictionOrder` that is
/// not protected.
///
/// A peer is protected if it has proved its nick, has offers, has been addressed by a peer that is
/// no stranger, or belongs to the oldest half. docs/threat-model.md says how well each protection
/// resists an attacker who imitates it.
extension Directory {
  /// Whether one more peer can get a place, by eviction if necessary.
  func hasPlace() -> Bool {
    if registry.peerCount < limits.peers { return true }
    guard registry.peerCount == limits.peers else { return false }
    if registry.evictableCount > 0 { return true }
    guard let id = nextYoungPeer() else { return false }
    peersToEvict.putBack(id)
    return true
  }

  /// Closes a peer if all places are taken.
  /// - Returns: false when every peer is protected.
  func makePlace(into actions: inout Actions) -> Bool {
    guard registry.peerCount >= limits.peers else { return true }
    // A reload that lowered the limit may leave more than one peer too many.
    guard registry.peerCount == limits.peers else { return false }
    return evictPeer(into: &actions)
  }

  private func evictPeer(into actions: inout Actions) -> Bool {
    guard let id = nextPeerToEvict() else { return false }
    counters.evictedPeers += 1
    close(id, .evicted, into: &actions)
    return true
  }

  /// Descriptors run short: closes an unprotected peer or a pending connection.
  package func makeRoom(at time: Instant, into actions: inout Actions) {
    advance(to: time)
    // A few pending connections will soon finish their handshake.
    let arePendingMany =
      registry.pendingCount > min(limits.pending, registry.connectionCount) / 2
    if arePendingMany, evictPending(into: &actions) { return }
    _ = evictPeer(into: &actions)
  }

  /// Closes the connection that has waited longest in the largest group if `MAX_PENDING` are here.
  func makePendingPlace(into actions: inout Actions) -> Bool {
    guard registry.pendingCount >= limits.pending else { return true }
    return evictPending(into: &actions)
  }

  private func evictPending(into actions: inout Actions) -> Bool {
    let id = pendingToEvict.next(
      at: now, candidates: pendingCandidates,
      isStillOne: { id in registry.index(of: id).map { isEvictablePending(registry[$0]) } ?? false }
    )
    guard let id else { return false }
    counters.evictedPending += 1
    close(id, .evicted, into: &actions)
    return true
  }

  /// A peer that cannot be probed and has been silent for long goes before all others.
  private func nextPeerToEvict() -> PeerID? {
    guard registry.evictableCount > 0 else { return nextYoungPeer() }
    return silentToEvict.next(
      at: now, candidates: silentCandidates,
      isStillOne: { id in
        registry.index(of: id).map { registry[$0].flags.contains(.evictable) } ?? false
      }) ?? nextYoungPeer()
  }

  /// The longest silent first.
  private func silentCandidates() -> [EvictionOrder.Candidate] {
    registry.slots.indices.compactMap { index in
      guard registry[index].flags.contains(.evictable) else { return nil }
      return EvictionOrder.Candidate(
        id: registry.id(at: index), circuit: nil,
        serial: .max - UInt64(bitPattern: registry[index].lastReceived.nanoseconds), isQuiet: true)
    }
  }

  private func nextYoungPeer() -> PeerID? {
    peersToEvict.next(
      at: now, candidates: peerCandidates,
      isStillOne: { id in registry.index(of: id).map { isEvictable(registry[$0]) } ?? false })
  }

  /// The oldest half is not considered here: only `peerCandidates` knows it. The nick of a
  /// contested holder would go to its claimant, so closing the holder frees no place.
  private func isEvictable(_ peer: borrowing Peer) -> Bool {
    peer.state == .present && !peer.flags.contains(.verified) && !peer.flags.contains(.addressed)
      && peer.offers.isEmpty && !peer.flags.contains(.contested)
  }

  private func isEvictablePending(_ peer: borrowing Peer) -> Bool {
    peer.state == .pending || peer.state == .proving
  }

  private func peerCandidates() -> [EvictionOrder.Candidate] {
    var ages: [Instant] = []
    for peer in registry.slots where peer.state == .present { ages.append(peer.connectedAt) }
    guard !ages.isEmpty else { return [] }
    ages.sort()
    let youngestOfOldHalf = ages[(ages.count - 1) / 2]
    return registry.slots.indices.compactMap { index in
      let peer = registry[index]
      guard isEvictable(peer), peer.connectedAt > youngestOfOldHalf else { return nil }
      return EvictionOrder.Candidate(
        id: registry.id(at: index), circuit: peer.circuit,
        serial: UInt64(bitPattern: peer.connectedAt.nanoseconds),
        isQuiet: !peer.flags.contains(.active))
    }
  }

  /// The oldest first: a long handshake is the least likely to succeed.
  private func pendingCandidates() -> [EvictionOrder.Candidate] {
    registry.slots.indices.compactMap { index in
      let peer = registry[index]
      guard isEvictablePending(peer) else { return nil }
      return EvictionOrder.Candidate(
        id: registry.id(at: index), circuit: peer.circuit,
        serial: .max - UInt64(bitPattern: peer.connectedAt.nanoseconds), isQuiet: true)
    }
  }
}
