import Directory
import EventLoop
import Server
import Units
import Wire

/// The numbers of peers, from one iteration over all slots: about a millisecond for 100,000 of
/// them. Metrics and the page use it, so they never see a nick.
struct PeerCounts {
  /// Peers that serve an onion, and those that do not.
  package var active = 0
  package var passive = 0
  package var verified = 0
  /// Those that have sent nothing for HEARTBEAT_IDLE_THRESHOLD.
  package var quiet = 0
  /// Silent for long and without an answer to probes: the first to be evicted when places run
  /// short.
  package var evictable = 0
  /// Those that advertised no feature.
  var withoutFeatures = 0
  package var offers = 0
  package var peersWithOffers = 0
  /// By name, in the order of `features`.
  var withFeature = [Int](repeating: 0, count: PeerCounts.features.count)

  /// Only features that the relay knows: unknown names would make labels without limit.
  package static let features: [(name: String, flag: Features.Known)] = [
    ("peerlist_features", .peerlistFeatures), ("ping", .ping), ("neutrino_compat", .neutrinoCompat),
    ("push_encrypted", .pushEncrypted), ("nick_auth", .nickAuth),
  ]

  /// - Parameters:
  ///   - silence: peers last heard before this are quiet.
  ///   - ownProbe: the nick of the relay's own probe, which does not count as a peer.
  package init(
    of registry: borrowing Registry, quietBefore silence: Instant, except ownProbe: Nick?
  ) {
    for index in registry.slots.indices where registry.slots[index].state == .present {
      guard registry.slots[index].nick != ownProbe else { continue }
      count(registry.slots[index])
      if registry.slots[index].lastReceived < silence { quiet += 1 }
    }
  }

  private mutating func count(_ peer: borrowing Peer) {
    if peer.flags.contains(.servesOnion) { active += 1 } else { passive += 1 }
    if peer.flags.contains(.verified) { verified += 1 }
    if peer.flags.contains(.evictable) { evictable += 1 }
    if peer.flags.contains(.oldClient) { withoutFeatures += 1 }
    for place in Self.features.indices where peer.features.contains(Self.features[place].flag) {
      withFeature[place] += 1
    }
    offers += peer.offers.count
    if !peer.offers.isEmpty { peersWithOffers += 1 }
  }
}

extension RelayStatus {
  var peerCounts: PeerCounts {
    PeerCounts(
      of: node.directory.registry,
      quietBefore: node.loop.now + (.zero - node.directory.limits.idleThreshold),
      except: probe?.nick)
  }

  /// The number of times that each limit took effect, by its setting.
  var limitHits: [(label: String, count: Int)] {
    let counters = node.directory.counters
    return [
      ("MAX_PEERS", counters.rejected[.full] + counters.fullAtProof + counters.evictedPeers),
      ("MAX_PENDING", counters.closed[.pendingFull] + counters.evictedPending),
      ("MAX_PEERS_PER_CIRCUIT", counters.closed[.circuitFull]),
      ("circuit budgets", counters.closed[.circuitRate] + counters.dropped[.circuitRate]),
      ("HANDSHAKE_TIMEOUT", counters.closed[.handshakeTimeout]),
      ("MAX_LINE_LENGTH", counters.closed[.tooLong]),
      ("MESSAGE_RATE_LIMIT", counters.dropped[.rate]),
      ("RATE_LIMIT_DISCONNECT", counters.closed[.rate]),
      ("PUBLIC_RATE_LIMIT", counters.dropped[.publicRate]),
      ("ORDERBOOK_RATE_LIMIT", counters.dropped[.orderbookRate]),
      ("PEERLIST_RATE_LIMIT", counters.dropped[.peerlistRate]),
      ("PUBLIC_BYTES_LIMIT", counters.dropped[.publicBytes]),
      ("FANOUT_RATE_LIMIT", counters.dropped[.fanoutQueue]),
      ("MAX_PEER_BACKLOG", counters.closed[.slowReader]),
      ("MAX_BACKLOG", counters.closed[.backlogBudget]),
      ("descriptors", node.acceptGate.pauses),
    ]
  }

  /// Dropped frames, by reason; includes copies that single receivers did not get.
  var droppedFrames: [(label: String, count: Int)] {
    node.directory.counters.dropped.all.map { key, count in
      (key.rawValue, count + (key == .tooLongForClient ? node.outbox.withheldLongFrames : 0))
    }
  }

  /// Handshakes by outcome: accepted, or the reason for the refusal.
  package var handshakes: [(label: String, count: Int)] {
    [("accepted", node.directory.counters.handshakesAccepted)]
      + node.directory.counters.rejected.all.map { ($0.key.label, $0.count) }
  }
}
