import Units
import Wire

/// The directory: the peers, and what to do with each message.
///
/// It has no side effects: events and times go in, `Actions` come out, and it uses no socket. The
/// same events at the same times give the same actions. The server calls `connect`, `receive`,
/// `leave` and, about twice a second, `tick`. It performs the actions in order before the next
/// call.
///
/// Its state is in components (`Registry`, `PendingConnections`, `NickTakeovers`, `NickProofs`,
/// `Heartbeat`, `PublicLines`). Its extensions handle one topic each.
package final class Directory {
  /// The relay as its peers see it.
  package struct Identity {
    package let nick: Nick
    package let network: Network
    /// Its own onion endpoint, if known. It comes first in peerlists.
    package var location: OnionEndpoint?
    /// Whether peers may serve at other addresses than an onion (`ALLOW_CLEARNET_LOCATIONS`).
    package var allowsClearnet: Bool
    /// The greeting in the reply to a handshake.
    package var motd: String

    package init(
      nick: Nick, network: Network, location: OnionEndpoint? = nil, allowsClearnet: Bool? = nil,
      motd: String
    ) {
      self.nick = nick
      self.network = network
      self.location = location
      self.allowsClearnet = allowsClearnet ?? (network == .regtest)
      self.motd = motd
    }
  }

  package var limits: Limits {
    didSet {
      publicLines.apply(limits)
      circuits.rates = limits.circuits
    }
  }
  package var identity: Identity { didSet { forgetLists() } }
  package var registry: Registry
  package var counters = Counters()

  /// The time of the latest event. Callers read different clocks; this one never goes backwards.
  package private(set) var now: Instant
  package var pending = PendingConnections()
  package var takeovers = NickTakeovers()
  package var proofs = NickProofs()
  var heartbeat: Heartbeat
  package var publicLines: PublicLines
  var circuits: CircuitBudgets
  var peersToEvict = EvictionOrder()
  var silentToEvict = EvictionOrder()
  var pendingToEvict = EvictionOrder()
  /// `nil`: nicks are not proved here.
  package var policy: NickPolicy? { didSet { forgetLists() } }
  /// Refuses peers without a proof, also while the name to prove is not known yet.
  package var requiresProof = false
  var featureTexts: Set<[UInt8]> = []
  package var isStopping = false

  package init(
    identity: Identity, limits: Limits, slotsPerPage: Int = PeerlistCache.defaultSlotsPerPage,
    at now: Instant
  ) {
    self.identity = identity
    self.limits = limits
    registry = Registry(slotsPerPage: slotsPerPage)
    heartbeat = Heartbeat(at: now)
    publicLines = PublicLines(limits)
    circuits = CircuitBudgets(rates: limits.circuits)
    self.now = now
  }

  func advance(to time: Instant) { now = max(now, time) }

  /// Adds a connection.
  /// - Returns: `nil` when there are `MAX_PENDING` pending connections and none of them can be
  ///   displaced.
  package func connect(at time: Instant, into actions: inout Actions) -> PeerID? {
    advance(to: time)
    counters.connectionsOpened += 1
    guard makePendingPlace(into: &actions) else {
      counters.closed.count(.pendingFull)
      return nil
    }
    let id = registry.occupy(at: now)
    pending.add(id)
    return id
  }

  /// Sets the circuit that the PROXY line of a connection has named.
  package func identify(_ id: PeerID, circuit: CircuitID, into actions: inout Actions) {
    guard let index = registry.index(of: id) else { return }
    guard registry.connections(of: circuit) < limits.peersPerCircuit else {
      return close(id, .circuitFull, into: &actions)
    }
    registry.setCircuit(circuit, at: index)
    if !circuits.take(.handshakes, of: circuit, at: now) { close(id, .circuitRate, into: &actions) }
  }

  /// Handles a frame of a connection.
  package func receive(
    _ frame: Frame, from id: PeerID, at time: Instant, into actions: inout Actions
  ) {
    advance(to: time)
    guard let index = registry.index(of: id) else { return }
    counters.received.count(frame.type, bytes: frame.body.count + 2)
    registry[index].countFrame(at: now)
    switch registry[index].state {
    case .free, .waiting: return
    case .pending: shakeHands(frame, with: id, into: &actions)
    case .proving: return
    case .present:
      // DISCONNECT does not count as activity: a pending takeover of this nick succeeds at once.
      if frame.type != .disconnect { noteActivity(index, into: &actions) }
      route(frame, from: id, at: index, into: &actions)
    }
  }

  /// Removes a connection that the server closes or has found closed.
  package func leave(_ id: PeerID, _ reason: CloseReason, into actions: inout Actions) {
    close(id, reason, into: &actions)
  }

  /// Removes a peer from every index, announces its `D` entry to everyone else and has its
  /// connection closed.
  package func close(
    _ id: PeerID, _ reason: CloseReason, flush: Bool = false, into actions: inout Actions
  ) {
    guard let index = registry.index(of: id) else { return }
    let peer = registry[index]
    registry.vacate(id)
    counters.closed.count(reason)
    pending.forgetRequest(of: id)
    proofs.end(id)
    publicLines.forgetRequests(of: id, circuit: peer.circuit)
    if peer.state == .present, peer.isKnownToOthers, !isStopping {
      announceDeparture(of: peer, id, into: &actions)
    }
    actions.add(.close(id, reason, flush: flush))
    settleTakeover(of: peer.nick, afterLeaving: id, into: &actions)
  }

  /// Does what is due. Called about twice a second; probes are spread over time as protocol.md §7
  /// asks.
  package func tick(at time: Instant, into actions: inout Actions) {
    advance(to: time)
    releasePublicLines(at: now, into: &actions)
    expirePending(into: &actions)
    expireProofs(into: &actions)
    expireTakeovers(into: &actions)
    expireProbes(into: &actions)
    sweepSome(into: &actions)
  }

  /// Stops admitting peers and announcing departures.
  package func stop() { isStopping = true }
}
