import DequeModule
import Units
import Wire

/// Who is here, and what follows from a message.
///
/// Pure: events and times go in, `Actions` come out; it knows no socket, no clock and no libevent. The same events at the same
/// times give the same actions. The server calls `connect`, `receive`, `leave` and, about twice a second, `tick`, and performs
/// what they ask for, in order, before the next call.
///
/// Its parts stand in extensions: Handshaking, Challenge, Proofs, Routing, PublicLines, Listing, Heartbeat.
package final class Directory {
  /// What the directory itself is to its peers.
  package struct Identity {
    package let nick: Nick
    package let network: Network
    /// Its own onion endpoint, if known; it is listed first then.
    package var location: OnionEndpoint?
    /// What a newcomer is told, as it is sent.
    package var motd: String

    package init(nick: Nick, network: Network, location: OnionEndpoint? = nil, motd: String) {
      self.nick = nick
      self.network = network
      self.location = location
      self.motd = motd
    }
  }

  package var limits: Limits {
    // What was owed at the old rate is not owed at the new one.
    didSet { if limits.fanout != oldValue.fanout { fanout = TokenBucket() } }
  }
  package var identity: Identity { didSet { forgetLists() } }
  package var registry: Registry
  package var counters = Counters()

  /// Newcomers in the order in which they connected: the first to run out of time is in front.
  package var pending: Deque<PeerID> = []
  /// What the handshakes said of newcomers that have no nick yet.
  var pendingHandshakes: [PeerID: HandshakeRequest] = [:]
  package var nickTakeovers: [Nick: NickTakeover] = [:]
  var lastTakeover: [Nick: Instant] = [:]
  /// Probes in the order in which they were sent.
  var probes: Deque<Probe> = []
  package var sweep = Sweep()
  package var fanout = TokenBucket()
  package var delayed = DelayedFrames()
  /// `nil`: nicks are not proved here.
  package var policy: NickPolicy? { didSet { forgetLists() } }
  /// Nobody gets in without a proof, even before it is known what to ask for.
  package var requiresProof = false
  package var proofs: [PeerID: PendingProof] = [:]
  var proofDeadlines: Deque<ProofDeadline> = []
  /// Makes nickTakeovers; tests replace it.
  var newNonce: () -> Bytes32 = Bytes32.random
  var featureTexts: Set<[UInt8]> = []
  package var isStopping = false

  package init(
    identity: Identity, limits: Limits, slotsPerPage: Int = PeerlistCache.defaultSlotsPerPage,
    at now: Instant
  ) {
    self.identity = identity
    self.limits = limits
    registry = Registry(slotsPerPage: slotsPerPage)
    sweep.lastTick = now
  }

  /// A connection has come.
  /// - Returns: `nil` when `MAX_PENDING` newcomers are here already.
  package func connect(at now: Instant) -> PeerID? {
    counters.connectionsOpened += 1
    guard registry.pendingCount < limits.pending else {
      counters.closed.count(.pendingFull)
      return nil
    }
    let id = registry.occupy(at: now)
    pending.append(id)
    return id
  }

  /// The PROXY line has told which circuit this connection comes through.
  package func identify(_ id: PeerID, circuit: CircuitID, into actions: inout Actions) {
    guard let index = registry.index(of: id) else { return }
    guard registry.connections(of: circuit) < limits.peersPerCircuit else {
      return close(id, .circuitFull, into: &actions)
    }
    registry.setCircuit(circuit, at: index)
  }

  /// A frame has come from a peer that is here.
  package func receive(
    _ frame: Frame, from id: PeerID, at now: Instant, into actions: inout Actions
  ) {
    guard let index = registry.index(of: id) else { return }
    counters.received.count(frame.type, bytes: frame.body.count + 2)
    registry[index].lastReceived = now
    switch registry[index].state {
    case .free, .waiting: return
    case .pending: shakeHands(frame, with: id, at: now, into: &actions)
    case .proving: return
    case .present:
      // A farewell is no life: a newcomer that waits for the nick has it now.
      if frame.type != .disconnect { noteActivity(index, at: now, into: &actions) }
      route(frame, from: id, at: index, now: now, into: &actions)
    }
  }

  /// The server closes this connection, or has found it closed.
  package func leave(_ id: PeerID, _ reason: CloseReason, into actions: inout Actions) {
    close(id, reason, into: &actions)
  }

  /// Forgets a peer: out of every index, its `D` entry to everyone else, its connection to be closed.
  package func close(
    _ id: PeerID, _ reason: CloseReason, flush: Bool = false, into actions: inout Actions
  ) {
    guard let index = registry.index(of: id) else { return }
    let peer = registry[index]
    registry.vacate(id)
    counters.closed.count(reason)
    pendingHandshakes[id] = nil
    proofs[id] = nil
    if peer.state == .present, peer.isListed, !isStopping {
      let departure = actions.write { frames in
        PeerlistWriter.departure(of: peer.entry, to: &frames)
      }
      actions.add(.sendAll(departure, except: id))
    }
    actions.add(.close(id, reason, flush: flush))
    settleTakeover(of: peer.nick, afterLeaving: id, into: &actions)
  }

  /// Time has passed. Called about twice a second; what is due is done, spread as protocol.md §7 asks.
  package func tick(at now: Instant, into actions: inout Actions) {
    releaseDelayed(at: now, into: &actions)
    expirePending(at: now, into: &actions)
    expireProofs(at: now, into: &actions)
    expireTakeovers(at: now, into: &actions)
    expireProbes(at: now, into: &actions)
    sweepSome(at: now, into: &actions)
  }

  /// From here on nobody is let in and no departures are announced.
  package func stop() { isStopping = true }
}
