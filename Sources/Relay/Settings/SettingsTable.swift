/// All settings, each defined once. Parsing, check-config, `--help`, docs/settings.md and the
/// reload use these rows. A new setting is a field in `Settings` and a row here.

import Units

extension Settings {
  /// All settings, in display order.
  package static let table: [SettingDefinition] =
    identityRows + listenerRows + limitRows + rateRows + backlogRows + heartbeatRows + nickAuthRows
    + processRows

  private static let identityRows: [SettingDefinition] = [
    .init(
      "NETWORK", ng: "NETWORK_CONFIG__NETWORK", \.network, .choice, .needsRestart,
      "The Bitcoin network. A peer of another network is rejected."),
    .init(
      "ALLOW_CLEARNET_LOCATIONS", \.allowClearnetLocations, .optional(.bool), .needsRestart,
      """
      Whether peers may serve at any host:port, as in test networks, and not only at an onion. \
      Unset: only on regtest.
      """),
    .init(
      "DIRECTORY_LOCATION", \.directoryLocation, .optional(.onionEndpoint), .needsRestart,
      "The relay's own onion endpoint. It stands first in every peerlist."),
    .init(
      "ONION_HOSTNAME_FILE", \.onionHostnameFile, .optional(.path()), .needsRestart,
      """
      The hostname file of Tor's onion service. The relay reads its onion there if \
      DIRECTORY_LOCATION is not set.
      """),
    .init(
      "ONION_PORT", \.onionPort, .integer(1...65535), .needsRestart,
      "The port that belongs to the name in ONION_HOSTNAME_FILE."),
    .init(
      "MOTD", ng: "DIRECTORY_SERVER__MOTD", \.motd, .text(upTo: 4096),
      empty: .value, emptyValue: "", .applied,
      "The greeting in the handshake. Empty: no text of yours."),
    .init(
      "MOTD_VERSION", \.motdVersion, .bool, .applied,
      "Adds a line with the relay's version to the greeting."),
  ]

  private static let listenerRows: [SettingDefinition] = [
    .init(
      "HOST", ng: "DIRECTORY_SERVER__HOST", \.tcpListeners, .tcpListeners,
      empty: .value, emptyValue: [], .needsRestart,
      "The address to which peers (Tor) connect, or a list of addresses. Empty: no TCP listener."),
    .init(
      "PORT", ng: "DIRECTORY_SERVER__PORT", \.port, .integer(0...65535), .needsRestart,
      "The TCP port for peers, where HOST names none. 0 takes any free port and logs it."),
    .init(
      "LISTEN_UNIX", \.unixListeners, .unixListeners, .needsRestart,
      """
      A Unix socket for peers, or a list of them, besides TCP or instead of it. It costs less CPU \
      than TCP.
      """),
    .init(
      "LISTEN_UNIX_MODE", \.listenUnixMode, .fileMode, .needsRestart,
      "Permissions of the Unix sockets."),
    .init(
      "PROXY_PROTOCOL", \.proxyProtocol, .bool, .needsRestart,
      """
      Each connection must begin with a PROXY v1 line, which names its Tor circuit \
      (HiddenServiceExportCircuitID haproxy). A listener's ;proxy= overrides it.
      """),
    .init(
      "TOR_CONTROL", \.torControl, .optional(.torControl), .needsRestart,
      """
      Tor's control port. The relay closes circuits there whose budgets stay exhausted. \
      ;listener= names this Tor's listener if several have a PROXY line. Unset: off.
      """),
    .init(
      "TOR_CONTROL_COOKIE_FILE", \.torControlCookieFile, .optional(.path()), .needsRestart,
      "Tor's control_auth_cookie (CookieAuthentication)."),
    .init(
      "TOR_CONTROL_PASSWORD_FILE", \.torControlPasswordFile, .optional(.path()), .needsRestart,
      "A file with the password of Tor's HashedControlPassword in its first line."),
    .init(
      "TOR_CONTROL_CLOSE_AFTER", \.torControlCloseAfter, .seconds(1...3600), .applied,
      "How long a circuit's budgets stay exhausted before Tor is asked to close it."),
    .init(
      "HEALTH_CHECK_HOST", ng: "DIRECTORY_SERVER__HEALTH_CHECK_HOST", \.healthHost, .host,
      .needsRestart,
      """
      The address of the page, /health, /status and /metrics. Never publish it through the onion.
      """),
    .init(
      "HEALTH_CHECK_PORT", ng: "DIRECTORY_SERVER__HEALTH_CHECK_PORT", \.healthPort,
      .integer(0...65535), .needsRestart,
      "The port of the page, /health, /status and /metrics. 0 takes any free port and logs it."),
  ]

  private static let limitRows: [SettingDefinition] = [
    .init(
      "MAX_PEERS", ng: "DIRECTORY_SERVER__MAX_PEERS", \.maxPeers, .integer(1...1_000_000), .applied,
      "The most peers. A new one displaces an unprotected peer, or is rejected and told why."),
    .init(
      "MAX_PENDING", \.maxPending, .integer(1...1_000_000), .applied,
      """
      The most pending connections, whose handshake is not finished. A new one displaces the \
      oldest, or is rejected and told why.
      """),
    .init(
      "MAX_PEERS_PER_CIRCUIT", \.maxPeersPerCircuit, .integer(1...1_000_000), .applied,
      "The most connections of one Tor circuit. Only with PROXY_PROTOCOL."),
    .init(
      "HANDSHAKE_TIMEOUT", \.handshakeTimeout, .seconds(0.1...600), .applied,
      "The time for the whole handshake of a new connection."),
    .init(
      "NICK_CHALLENGE_TIMEOUT", \.nickChallengeTimeout, .seconds(0.1...60), .applied,
      "How long the holder of a nick may be silent after another connection claims the nick."),
    .init(
      "MAX_LINE_LENGTH", ng: "DIRECTORY_SERVER__MAX_LINE_LENGTH", \.maxLineLength,
      .bytes(.kibibytes(1)...(.mebibytes(16))), .needsRestart,
      "The longest line from a peer, without its terminator. A longer line closes the connection."),
    .init(
      "MAX_JSON_NESTING_DEPTH", ng: "DIRECTORY_SERVER__MAX_JSON_NESTING_DEPTH", \.maxNesting,
      .integer(1...64), .needsRestart,
      "How deep a frame's JSON may nest. A deeper frame closes the connection."),
  ]

  private static let rateRows: [SettingDefinition] = [
    .init(
      "MESSAGE_RATE_LIMIT", ng: "DIRECTORY_SERVER__MESSAGE_RATE_LIMIT", \.messageRateLimit,
      .integer(0...1_000_000), .applied,
      "Frames a second from one peer. More are dropped and counted. 0: no limit."),
    .init(
      "MESSAGE_BURST_LIMIT", ng: "DIRECTORY_SERVER__MESSAGE_BURST_LIMIT", \.messageBurstLimit,
      .integer(1...10_000_000), .applied,
      "Frames that a peer may send at once, before MESSAGE_RATE_LIMIT applies."),
    .init(
      "RATE_LIMIT_DISCONNECT", ng: "DIRECTORY_SERVER__RATE_LIMIT_DISCONNECT_THRESHOLD",
      aliases: ["RATE_LIMIT_DISCONNECT_THRESHOLD"], \.rateLimitDisconnect,
      .integer(0...1_000_000_000), .applied,
      "Dropped frames after which a peer is disconnected. 0: never."),
    .init(
      "PUBLIC_RATE_LIMIT", \.publicRateLimit, .integer(0...1_000_000), .applied,
      """
      Public frames a minute from one peer; every other peer gets each. More are dropped and \
      counted. 0: no limit.
      """),
    .init(
      "PUBLIC_BURST_LIMIT", \.publicBurstLimit, .integer(1...10_000_000), .applied,
      "Public frames that a peer may send at once, before PUBLIC_RATE_LIMIT applies."),
    .init(
      "PUBLIC_BYTES_LIMIT", \.publicBytesLimit, .bytes(.kibibytes(0)...(.mebibytes(1024))),
      .applied,
      """
      Bytes of public frames a minute from one peer, four times as many at once. More are dropped \
      and counted. 0: no limit.
      """),
    .init(
      "ORDERBOOK_RATE_LIMIT", \.orderbookRateLimit, .integer(0...1_000_000), .applied,
      "Public !orderbook requests a minute from one peer; every maker answers each. 0: no limit."),
    .init(
      "PEERLIST_RATE_LIMIT", \.peerlistRateLimit, .integer(0...1_000_000), .applied,
      "Peerlist requests a minute from one peer. 0: no limit."),
    .init(
      "FANOUT_RATE_LIMIT", \.fanoutRateLimit, .integer(0...1_000_000_000), .applied,
      """
      Deliveries of public frames a second, all peers together. The relay lowers it while it or \
      its readers cannot keep up. Public frames above it wait; private frames never do. 0: no \
      limit.
      """),
    .init(
      "FANOUT_BYTES_LIMIT", \.fanoutBytesLimit, .bytes(.kibibytes(0)...(.mebibytes(1 << 20))),
      .applied,
      "Bytes of these deliveries a second, treated in the same way. 0: no limit."),
    .init(
      "ORDERBOOK_TOTAL_LIMIT", \.orderbookTotalLimit, .integer(0...1_000_000), .applied,
      """
      Public !orderbook requests a minute, all peers together; each maker answers all of them. \
      More wait; peers that ask seldom come first. 0: no limit.
      """),
    .init(
      "STRANGER_TIME", \.strangerTime, .seconds(0...86400), .applied,
      """
      How long a new peer shares the budget of strangers, unless it proves its nick or a peer that \
      is no stranger speaks to it.
      """),
  ]

  private static let backlogRows: [SettingDefinition] = [
    .init(
      "MAX_PEER_BACKLOG", \.maxPeerBacklog, .bytes(.kibibytes(64)...(.mebibytes(1024))), .applied,
      "Unread bytes of one peer. A peer above it is disconnected as a slow reader."),
    .init(
      "PEER_BACKLOG_SOFT", \.peerBacklogSoft, .bytes(.kibibytes(16)...(.mebibytes(1024))), .applied,
      "Unread bytes above which a peer must read some within PEER_BACKLOG_SOFT_TIME."),
    .init(
      "PEER_BACKLOG_SOFT_TIME", \.backlogSoftTime, .seconds(0.1...3600), .applied,
      "How long a peer above PEER_BACKLOG_SOFT may read nothing."),
    .init(
      "MAX_BACKLOG", \.maxBacklog, .bytes(.kibibytes(64)...(.mebibytes(1 << 20))), .applied,
      "Memory of the unread bytes of all peers. Above it the largest backlogs are closed first."),
  ]

  private static let heartbeatRows: [SettingDefinition] = [
    .init(
      "HEARTBEAT_SWEEP_INTERVAL", ng: "DIRECTORY_SERVER__HEARTBEAT_SWEEP_INTERVAL",
      \.heartbeat.sweepInterval, .seconds(0.05...86400), .applied,
      "The time in which each peer is checked for silence once."),
    .init(
      "HEARTBEAT_IDLE_THRESHOLD", ng: "DIRECTORY_SERVER__HEARTBEAT_IDLE_THRESHOLD",
      \.heartbeat.idleThreshold, .seconds(0.05...86400), .applied,
      """
      How long a peer may be silent before it is probed. A peer that cannot be probed is evictable \
      from then on.
      """),
    .init(
      "HEARTBEAT_HARD_EVICT", ng: "DIRECTORY_SERVER__HEARTBEAT_HARD_EVICT",
      \.heartbeat.hardEvict, .seconds(0.05...604800), .applied,
      "How long a peer that can be probed may be silent before it is closed without a probe."),
    .init(
      "HEARTBEAT_PONG_WAIT", ng: "DIRECTORY_SERVER__HEARTBEAT_PONG_WAIT",
      \.heartbeat.pongWait, .seconds(0.05...86400), .applied,
      "The time in which a probed peer must send any frame."),
  ]

  private static let nickAuthRows: [SettingDefinition] = [
    .init(
      "NICK_AUTH_MODE", ng: "DIRECTORY_SERVER__NICK_AUTH_MODE", \.nickAuthMode, .choice,
      .needsRestart,
      "Whether peers prove that their nick is theirs: if they can, always, or never."),
    .init(
      "NICK_AUTH_DIRECTORY_ID", ng: "DIRECTORY_SERVER__NICK_AUTH_DIRECTORY_ID",
      \.nickAuthDirectoryID, .directoryID, .needsRestart,
      """
      The endpoint that clients dial, onion:port. Proofs are bound to it. auto: the relay's own \
      onion. Unset: auto with ONION_HOSTNAME_FILE, else no nick authentication.
      """),
    .init(
      "NICK_AUTH_TIMEOUT", ng: "DIRECTORY_SERVER__NICK_AUTH_TIMEOUT", \.nickAuthTimeout,
      .seconds(0.1...30), .applied, "The time for a peer's proof."),
  ]

  private static let processRows: [SettingDefinition] = [
    .init(
      "LOG_LEVEL", ng: "LOGGING__LEVEL", \.logLevel, .logLevel, .applied,
      "The lowest level that is logged."),
    .init(
      "LOG_FORMAT", \.logFormat, .choice, .needsRestart,
      "Text lines, or one JSON object a line."),
    .init(
      "STATUS_NICKS", \.statusNicks, .bool, .applied,
      "Whether /status names nicks. false: its lists are empty, its counts remain."),
    .init(
      "STATUS_HOSTS", \.statusHosts, .hostNames, .applied,
      """
      Host names under which the page and /status answer, besides localhost, this machine's name \
      and local addresses.
      """),
    .init(
      "ADMIN_SOCKET", \.adminSocket, .optional(.path(upTo: 103)), .needsRestart,
      """
      A Unix socket (mode 0600) for jm-directory-ctl peers and close. Only the relay's own user \
      and root may connect. Unset: none.
      """),
    .init(
      "DATA_DIR", ng: "JOINMARKET_DATA_DIR", \.dataDir, .optional(.path()), .needsRestart,
      "The folder of the nick state file (state/directory.nick). Unset: nothing is written."),
    .init(
      "SHUTDOWN_GRACE", \.shutdownGrace, .seconds(0...600), .applied,
      "How long a stop may take to flush unread bytes."),
    .init(
      "ALLOW_ROOT", \.allowRoot, .bool, .needsRestart,
      "Lets the relay run as root, which it otherwise refuses."),
    .init(
      "FD_STORE", \.fdStore, .fdStore, empty: .value, emptyValue: FDStoreSetting.none,
      .needsRestart,
      """
      The store of sockets and state during a restart: the path of jm-fd-store's socket, systemd, \
      or nothing. auto: systemd if its unit offers a store.
      """),
  ]
}
