// What must hold in a directory between any two events, whatever they were.

@testable import Directory
@testable import Units
@testable import Wire

/// The directory's record, beside the target's own `Peer`.
private typealias KnownPeer = Peer

extension DirectoryWatch {
  func checkPromises() throws {
    let registry = directory.registry
    var counts: [KnownPeer.State: Int] = [:]
    var circuits: [CircuitID: Int] = [:]
    for (id, peer) in peers {
      guard let index = registry.index(of: id) else {
        throw Violation(description: "who is connected is known")
      }
      let known = registry[index]
      counts[known.state, default: 0] += 1
      if let circuit = known.circuit { circuits[circuit, default: 0] += 1 }
      try hold(
        "server and directory agree on who is present", peer.isPresent == (known.state == .present))
      try hold("they agree on who owes a proof", peer.isProving == (known.state == .proving))
      try hold("they agree on who is held", peer.isHeld == (known.state == .waiting))
      try hold("they agree on whose list is under way", peer.isListing == (known.listCursor >= 0))
      try hold("offers are bounded", known.offers.count <= Limits.offersPerPeer)
      try checkState(of: id, known)
    }
    let present = counts[.present] ?? 0
    try hold("connections are counted", registry.connectionCount == peers.count)
    try hold("pending connections are counted", registry.pendingCount == peers.count - present)
    for (circuit, count) in circuits {
      try hold("circuits are counted", registry.connections(of: circuit) == count)
    }
    try hold(
      "a takeover for each who waits", directory.takeovers.count == counts[.waiting] ?? 0)
    try hold(
      "a request for each who waits", directory.pending.requestCount == counts[.waiting] ?? 0)
    try hold("a proof for each who owes one", directory.proofs.count == counts[.proving] ?? 0)
    try checkPlaces()
    try checkListPages()
  }

  /// What is kept of lists is what would be made now.
  private func checkListPages() throws {
    let pages = directory.registry.peerlistCache
    for number in 0...directory.registry.slots.count / pages.slotsPerPage {
      for withFeatures in [false, true] {
        guard let kept = pages[number, withFeatures: withFeatures] else { continue }
        let made = directory.makeListPage(number, withFeatures)
        try hold(
          "kept pages are true", kept.frames == made.frames && kept.frameCount == made.frameCount)
      }
    }
  }

  private func checkState(of id: PeerID, _ peer: KnownPeer) throws {
    let takeover = directory.takeovers[peer.nick]
    switch peer.state {
    case .free: throw Violation(description: "a free slot has no peer")
    case .pending:
      try hold("pending connections have a deadline", directory.pending.contains(id))
    case .waiting:
      try hold("pending connections have a deadline", directory.pending.contains(id))
      try hold("who waits, waits for an answer", takeover?.claimant == id)
    case .proving:
      try hold("a proof is owed", directory.proofs[id] != nil)
      try hold("proofs have a deadline", directory.proofs.deadline(of: id) != nil)
    case .present:
      try hold(
        "a nick has the holder that shows it", directory.registry.holder(of: peer.nick) == id)
      try hold(
        "who is challenged is so for somebody",
        peer.flags.contains(.contested) == (takeover?.holder == id))
      try hold(
        "probes have a deadline",
        !peer.flags.contains(.probed) || directory.heartbeat.probeSentAt(to: id) != nil)
    }
  }

  /// After a tick nothing that was due is left.
  func checkDeadlines() throws {
    for id in peers.keys {
      guard let index = directory.registry.index(of: id) else { continue }
      let peer = directory.registry[index]
      if peer.state == .pending || peer.state == .waiting {
        try hold("handshakes end", now < peer.connectedAt + directory.limits.handshakeTime)
      }
    }
    try hold("takeovers end", directory.takeovers.due(at: now).isEmpty)
    try hold(
      "proofs end",
      peers.keys.allSatisfy { directory.proofs.deadline(of: $0).map { $0 > now } ?? true })
    try hold(
      "probes end",
      directory.heartbeat.oldestProbe.map { $0 + directory.limits.pongWait > now } ?? true)
  }
}
