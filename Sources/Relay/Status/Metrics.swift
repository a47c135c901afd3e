import Directory
import EventLoop
import Identity
import Server
import Units
import Wire

/// The content of GET /metrics: totals only, no nick, no onion, no payload (promises.md, "Never
/// tell"). A scrape iterates over the peers once and makes about 10 KB of text. Between scrapes the
/// metrics cost only the additions in `Counters`.
///
/// All families and labels exist from the first scrape, at zero: alerts need them.
package enum Metrics {
  package static func text(of status: RelayStatus, _ format: MetricsText.Format) -> [UInt8] {
    var text = MetricsText(format)
    let counts = status.peerCounts
    appendState(of: status, to: &text)
    appendPeers(of: status, counts, to: &text)
    appendConnections(of: status, to: &text)
    appendListeners(of: status, to: &text)
    appendTraffic(of: status, to: &text)
    appendPressure(of: status, to: &text)
    appendProcess(of: status, to: &text)
    text.end()
    return text.bytes
  }

  private static func appendState(of status: RelayStatus, to text: inout MetricsText) {
    text.info(
      "jm_directory_build", "The relay's version and network.",
      [("version", relayVersion), ("network", status.node.directory.identity.network.rawValue)])
    let health = status.health
    text.gauge(
      "jm_directory_healthy", "1 if the relay serves new peers, as in /health.",
      health.isHealthy ? 1 : 0)
    text.gauge(
      "jm_directory_health_faults", "1 for each reason why it is unhealthy.", by: "reason",
      Health.Fault.allCases.map { ($0.rawValue, health.faults.contains($0) ? 1 : 0) })
  }

  private static func appendPeers(
    of status: RelayStatus, _ counts: PeerCounts, to text: inout MetricsText
  ) {
    let registry = status.node.directory.registry
    text.gauge(
      "jm_directory_peers",
      "Peers after their handshake; active peers serve an onion, passive ones do not.", by: "role",
      [("active", counts.active), ("passive", counts.passive)])
    text.gauge(
      "jm_directory_peers_with_feature", "Peers that advertised a feature.", by: "feature",
      zip(PeerCounts.features, counts.withFeature).map { ($0.name, $1) }
        + [("none", counts.withoutFeatures)])
    text.gauge(
      "jm_directory_peers_verified", "Peers that have proved their nick.", counts.verified)
    text.gauge(
      "jm_directory_peers_evictable",
      "Silent peers that cannot be probed. The first to be closed at MAX_PEERS.",
      counts.evictable)
    text.gauge(
      "jm_directory_peers_limit", "MAX_PEERS.", status.node.directory.limits.peers)
    text.gauge(
      "jm_directory_pending_connections", "Connections that have not finished their handshake.",
      registry.pendingCount)
    text.gauge(
      "jm_directory_pending_connections_limit", "MAX_PENDING.", status.node.directory.limits.pending
    )
    text.gauge("jm_directory_offers", "Offers announced and not cancelled.", counts.offers)
    text.gauge(
      "jm_directory_peers_with_offers", "Peers that have such offers.", counts.peersWithOffers)
  }

  private static func appendConnections(of status: RelayStatus, to text: inout MetricsText) {
    let counters = status.node.directory.counters
    text.counter(
      "jm_directory_connections_opened",
      "Connections accepted. The self-probe makes one every ten seconds on each listener.",
      counters.connectionsOpened)
    text.counter(
      "jm_directory_connections_closed", "Connections ended, by reason.", by: "reason",
      counters.closed.all.map { ($0.key.rawValue, $0.count) })
    text.counter(
      "jm_directory_handshakes",
      "Handshakes answered, by outcome. Each connection of the self-probe makes one.",
      by: "outcome",
      status.handshakes)
    text.counter(
      "jm_directory_nick_proofs", "Nick proofs verified, by result code.", by: "code",
      counters.proofs.all.map { ($0.key.rawValue, $0.count) })
    text.counter(
      "jm_directory_nick_challenges",
      "Holders of nicks probed because another connection claimed the nick.",
      counters.takeovers)
    text.counter("jm_directory_probes", "Idle peers probed.", counters.probesSent)
    text.counter(
      "jm_directory_proxy_mismatches",
      "Connections whose first line contradicts PROXY_PROTOCOL.", by: "line",
      ProxyMismatches.Kind.allCases.map { ($0.rawValue, status.node.proxyMismatches[$0]) })
  }

  /// Labels are the operator's names of listeners.
  private static func appendListeners(of status: RelayStatus, to text: inout MetricsText) {
    let states = status.node.listenerStates
    let now = status.node.loop.now
    text.gauge(
      "jm_directory_listener_connections", "Connections of each listener.", by: "listener",
      zip(states, status.node.connectionsByListener).map { ($0.name, $1) })
    text.counter(
      "jm_directory_listener_connections_opened", "Connections accepted by each listener.",
      by: "listener", states.map { ($0.name, $0.connectionsOpened) })
    text.gauge(
      "jm_directory_listener_healthy",
      "1 if the self-probe succeeded there in the last 30 seconds.",
      by: "listener",
      states.indices.map {
        (states[$0].name, status.probe?.isFresh($0, at: now) ?? true ? 1 : 0)
      })
  }

  private static func appendTraffic(of status: RelayStatus, to text: inout MetricsText) {
    let received = status.node.directory.counters.received.all
    let queued = status.node.outbox.queued.all
    text.counter(
      "jm_directory_frames_received", "Frames from peers, by type.", by: "type",
      received.map { ($0.label, $0.row.frames) })
    text.counter(
      "jm_directory_frames_received_bytes", "Bytes of these frames in canonical form.", by: "type",
      received.map { ($0.label, $0.row.bytes) })
    text.counter(
      "jm_directory_frames_sent", "Frames queued for peers, each copy counted, by type.",
      by: "type", queued.map { ($0.label, $0.row.frames) })
    text.counter(
      "jm_directory_frames_sent_bytes", "Their bytes.", by: "type",
      queued.map { ($0.label, $0.row.bytes) })
    text.counter(
      "jm_directory_received_bytes", "Bytes of lines taken from peers' sockets.",
      status.node.bytesIn)
    text.counter(
      "jm_directory_sent_bytes", "Bytes handed to peers' sockets or their backlogs.",
      status.node.outbox.bytesOut)
    text.counter(
      "jm_directory_deliveries", "Messages of peers passed on, counted once for each receiver.",
      status.node.outbox.deliveries)
    text.counter(
      "jm_directory_frames_dropped", "Frames not passed on although their sender stays, by reason.",
      by: "reason", status.droppedFrames)
    text.counter(
      "jm_directory_peerlists", "Peerlists served.",
      status.node.directory.counters.listsServed)
  }

  private static func appendPressure(of status: RelayStatus, to text: inout MetricsText) {
    text.counter(
      "jm_directory_limit_hits", "How often a limit took effect, by limit.",
      by: "limit", status.limitHits)
    text.gauge(
      "jm_directory_delayed_frames", "Public frames that wait for FANOUT_RATE_LIMIT.",
      status.node.directory.publicLines.count)
    text.gauge(
      "jm_directory_limits_in_force", "1 for each kind of limit that is in force.",
      by: "kind",
      LimitsInForce.Kind.allCases.map {
        ($0.rawValue, status.node.limitsInForce.isInForce($0) ? 1 : 0)
      })
    text.gauge(
      "jm_directory_fanout_budget_percent",
      "The share of FANOUT_RATE_LIMIT and FANOUT_BYTES_LIMIT that is allowed now.",
      Int(status.node.directory.publicLines.budget.share * 100))
    text.counter(
      "jm_directory_circuit_refusals",
      "Requests refused because the circuit's budget was used up, by kind.",
      by: "kind", status.node.directory.refusalsByKind)
    text.gauge(
      "jm_directory_tor_control_ready", "1 while TOR_CONTROL's Tor answers; 0 without TOR_CONTROL.",
      status.torControl?.isReady == true ? 1 : 0)
    text.counter(
      "jm_directory_tor_control_failures",
      "Connections to Tor's control port that failed or ended.", status.torControl?.failures ?? 0)
    text.counter(
      "jm_directory_tor_circuits_closed",
      "Circuits that Tor was asked to close because their budgets stayed exhausted, by outcome.",
      by: "outcome",
      [
        ("closed", status.torControl?.closed ?? 0), ("unknown", status.torControl?.unknown ?? 0),
        ("refused", status.torControl?.refused ?? 0),
      ])
    text.gauge(
      "jm_directory_backlog_bytes", "Bytes that peers have not read yet.",
      status.node.backlogs.total)
    text.gauge(
      "jm_directory_backlog_limit_bytes", "MAX_BACKLOG.", status.node.backlogs.limits.total.bytes)
    text.gauge(
      "jm_directory_backlog_largest_bytes", "The largest backlog of one peer.",
      status.node.backlogs.largest)
    text.gauge(
      "jm_directory_backlog_peers", "Peers with unread bytes.", status.node.backlogs.count
    )
    text.histogram(
      "jm_directory_loop_lag_seconds",
      "Event-loop delay: how late its tick came, measured twice a second.",
      bounds: LoopLag.bounds, counts: status.node.lag.counts, sum: status.node.lag.sum)
  }

  private static func appendProcess(of status: RelayStatus, to text: inout MetricsText) {
    text.counter(
      "process_cpu_seconds", "User and system CPU time.", seconds: ProcessFigures.cpuSeconds)
    if let bytes = ProcessFigures.residentBytes {
      text.gauge("process_resident_memory_bytes", "Memory in use.", bytes)
    }
    text.gauge("process_open_fds", "Open descriptors.", status.openDescriptors)
    text.gauge(
      "process_max_fds", "The limit of open descriptors.", ProcessFigures.mostDescriptors)
    text.counter(
      "jm_directory_log_records_dropped", "Log records dropped because stderr was blocked.",
      status.droppedLogRecords())
    text.gauge(
      "process_start_time_seconds", "When the relay started, in seconds since 1970.",
      seconds: status.startTime)
  }
}
