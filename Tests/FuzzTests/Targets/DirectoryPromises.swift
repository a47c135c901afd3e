// The invariants of a directory between any two events.

@testable import Directory
@testable import Units
@testable import Wire

/// The directory's type, which `Peer` of this target shadows.
private typealias KnownPeer = Peer

extension DirectoryWatch {
  func checkPromises() throws {
    let registry = directory.registry
    var counts: [KnownPeer.State: Int] = [:]
    var circuits: [CircuitID: Int] = [:]
    for (id, peer) in peers {
      guard let index = registry.index(of: id) else {
        throw Violation(description: "a connected peer is known")
      }
      let known = registry[index]
      counts[known.state, default: 0] += 1
      if let circuit = known.circuit { circuits[circuit, default: 0] += 1 }
      try hold(
        "server and directory agree on isPresent", peer.isPresent == (known.state == .present))
      try hold("they agree on isProving", peer.isProving == (known.state == .proving))
      try hold("they agree on isHeld", peer.isHeld == (known.state == .waiting))
      try hold("they agree on isListing", peer.isListing == (known.listCursor >= 0))
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
      "one takeover for each waiting peer", directory.takeovers.count == counts[.waiting] ?? 0)
    try hold(
      "one request for each waiting peer", directory.pending.requestCount == counts[.waiting] ?? 0)
    try hold("one proof for each proving peer", directory.proofs.count == counts[.proving] ?? 0)
    try checkPlaces()
    try checkListPages()
  }

  /// Cached peerlist pages equal newly made ones.
  private func checkListPages() throws {
    let pages = directory.registry.peerlistCache
    for number in 0...directory.registry.slots.count / pages.slotsPerPage {
      for withFeatures in [false, true] {
        guard let kept = pages[number, withFeatures: withFeatures] else { continue }
        let made = directory.makeListPage(number, withFeatures)
        try hold(
          "cached pages match", kept.frames == made.frames && kept.frameCount == made.frameCount)
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
      try hold("a waiting peer has a takeover", takeover?.claimant == id)
    case .proving:
      try hold("a proving peer has a pending proof", directory.proofs[id] != nil)
      try hold("proofs have a deadline", directory.proofs.deadline(of: id) != nil)
    case .present:
      try hold(
        "a peer holds its own nick", directory.registry.holder(of: peer.nick) == id)
      try hold(
        "a contested holder has a takeover",
        peer.flags.contains(.contested) == (takeover?.holder == id))
      try hold(
        "probes have a deadline",
        !peer.flags.contains(.probed) || directory.heartbeat.probeSentAt(to: id) != nil)
    }
  }

  /// Checks that a tick leaves nothing that is due.
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
