/// Everything that GET /metrics tells: totals only, no nick, no onion, no payload (promises.md, "Never tell"). A scrape makes one walk
/// over the peers and some 10 KB of text; between scrapes the metrics cost the additions in `Counters`.
///
/// Every family and every label is there from the first scrape, at zero: an alert on something that has never happened needs it.
enum Metrics {
  static func text(of node: DirectoryNode, _ format: MetricsText.Format) -> [UInt8] {
    var text = MetricsText(format)
    let census = node.census
    appendState(of: node, to: &text)
    appendPeers(of: node, census, to: &text)
    appendConnections(of: node, to: &text)
    appendTraffic(of: node, to: &text)
    appendPressure(of: node, to: &text)
    appendProcess(of: node, to: &text)
    text.end()
    return text.bytes
  }

  private static func appendState(of node: DirectoryNode, to text: inout MetricsText) {
    text.info(
      "jm_directory_build", "Which relay this is.",
      [("version", relayVersion), ("network", node.directory.identity.network.rawValue)])
    let health = node.health
    text.gauge(
      "jm_directory_healthy", "1 if the relay would serve a peer now, as /health says.",
      health.isHealthy ? 1 : 0)
    text.gauge(
      "jm_directory_health_faults", "1 for each reason that makes it unhealthy.", by: "reason",
      Health.Fault.allCases.map { ($0.rawValue, health.faults.contains($0) ? 1 : 0) })
  }

  private static func appendPeers(
    of node: DirectoryNode, _ census: MetricsCensus, to text: inout MetricsText
  ) {
    let registry = node.directory.registry
    text.gauge(
      "jm_directory_peers",
      "Peers that have shaken hands; active ones serve an onion, passive ones do not.", by: "role",
      [("active", census.active), ("passive", census.passive)])
    text.gauge(
      "jm_directory_peers_with_feature", "Peers that advertised a feature.", by: "feature",
      zip(MetricsCensus.features, census.withFeature).map { ($0.name, $1) }
        + [("none", census.withoutFeatures)])
    text.gauge(
      "jm_directory_peers_verified", "Peers that have proved their nick.", census.verified)
    text.gauge(
      "jm_directory_peers_limit", "MAX_PEERS.", node.directory.limits.peers)
    text.gauge(
      "jm_directory_pending_connections", "Connections that have not finished their handshake.",
      registry.newcomerCount)
    text.gauge(
      "jm_directory_pending_connections_limit", "MAX_PENDING.", node.directory.limits.pending)
    text.gauge("jm_directory_offers", "Offers announced and not cancelled.", census.offers)
    text.gauge(
      "jm_directory_peers_with_offers", "Peers that have such offers.", census.peersWithOffers)
  }

  private static func appendConnections(of node: DirectoryNode, to text: inout MetricsText) {
    let counters = node.directory.counters
    text.counter(
      "jm_directory_connections_opened",
      "Connections accepted; every ten seconds one for each listener is the relay's own probe.",
      counters.connectionsOpened)
    text.counter(
      "jm_directory_connections_closed", "Connections ended, by reason.", by: "reason",
      counters.closed.all.map { ($0.key.rawValue, $0.count) })
    text.counter(
      "jm_directory_handshakes",
      "Handshakes answered, by outcome; the relay's own probe makes one every ten seconds for each listener.",
      by: "outcome",
      node.handshakes)
    text.counter(
      "jm_directory_nick_proofs", "Proofs of nicks judged, by result code.", by: "code",
      counters.proofs.all.map { ($0.key.rawValue, $0.count) })
    text.counter(
      "jm_directory_nick_challenges", "Holders of nicks asked for life because another came.",
      counters.challenges)
    text.counter("jm_directory_probes", "Idle peers asked for life.", counters.probesSent)
  }

  private static func appendTraffic(of node: DirectoryNode, to text: inout MetricsText) {
    let received = node.directory.counters.received.all
    let queued = node.outbox.queued.all
    text.counter(
      "jm_directory_frames_received", "Frames from peers, by type.", by: "type",
      received.map { ($0.label, $0.row.frames) })
    text.counter(
      "jm_directory_frames_received_bytes", "Their bytes in the canonical form.", by: "type",
      received.map { ($0.label, $0.row.bytes) })
    text.counter(
      "jm_directory_frames_sent", "Frames queued for peers, each copy counted, by type.",
      by: "type", queued.map { ($0.label, $0.row.frames) })
    text.counter(
      "jm_directory_frames_sent_bytes", "Their bytes.", by: "type",
      queued.map { ($0.label, $0.row.bytes) })
    text.counter(
      "jm_directory_received_bytes", "Bytes of lines taken from peers' sockets.", node.bytesIn)
    text.counter(
      "jm_directory_sent_bytes", "Bytes handed to peers' sockets or their backlogs.",
      node.outbox.bytesOut)
    text.counter(
      "jm_directory_deliveries", "Messages of peers handed on, counted once for each receiver.",
      node.outbox.deliveries)
    text.counter(
      "jm_directory_frames_dropped", "Frames not passed on although their sender stays, by reason.",
      by: "reason", node.droppedFrames)
    text.counter(
      "jm_directory_peerlists", "Peer lists asked for and served.",
      node.directory.counters.listsServed)
  }

  private static func appendPressure(of node: DirectoryNode, to text: inout MetricsText) {
    text.counter(
      "jm_directory_limit_hits", "How often a limit took effect, by the setting that moves it.",
      by: "limit", node.limitHits)
    text.gauge(
      "jm_directory_delayed_frames", "Public frames that wait for FANOUT_RATE_LIMIT.",
      node.directory.delayed.count)
    text.gauge(
      "jm_directory_backlog_bytes", "Bytes that peers have not read yet.", node.backlogs.total)
    text.gauge(
      "jm_directory_backlog_limit_bytes", "MAX_BACKLOG.", node.backlogs.limits.total.bytes)
    text.gauge(
      "jm_directory_backlog_largest_bytes", "The largest backlog of one peer.",
      node.backlogs.largest)
    text.gauge(
      "jm_directory_backlog_peers", "Peers that have something to read.", node.backlogs.count)
    text.histogram(
      "jm_directory_loop_lag_seconds",
      "How late the event loop's tick came, twice a second: what a peer may have had to wait.",
      bounds: LoopLag.bounds, counts: node.lag.counts, sum: node.lag.sum)
  }

  private static func appendProcess(of node: DirectoryNode, to text: inout MetricsText) {
    text.counter(
      "process_cpu_seconds", "User and system CPU time.", seconds: MetricsProcess.cpuSeconds)
    if let bytes = MetricsProcess.residentBytes {
      text.gauge("process_resident_memory_bytes", "Memory in use.", bytes)
    }
    text.gauge("process_open_fds", "Open descriptors.", node.openDescriptors)
    text.gauge(
      "process_max_fds", "Descriptors that may be open.", MetricsProcess.mostDescriptors)
    text.gauge(
      "process_start_time_seconds", "When the relay started, in seconds since 1970.",
      seconds: node.startTime)
  }
}
