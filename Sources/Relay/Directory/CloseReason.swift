/// Why a connection ended. The raw value is what logs and metrics call it.
package enum CloseReason: String, CaseIterable, Sendable {
  // Caused by the peer
  case peerClosed = "peer_closed"
  case networkError = "network_error"
  case disconnectMessage = "disconnect_message"
  /// A frame that protocol.md §1 or §2 does not allow.
  case malformed = "protocol"
  case tooLong = "too_long"
  case handshakeTimeout = "handshake_timeout"
  /// The handshake was answered with a refusal.
  case rejected
  case badProxyLine = "proxy"
  case nickAuthFailed = "nick_auth"
  case rate

  // Caused by a silent or slow peer
  case idle
  case pongTimeout = "pong_timeout"
  case slowReader = "slow_reader"
  /// The backlog was the largest while the sum of all was over `MAX_BACKLOG`.
  case backlogBudget = "backlog_budget"

  // Caused by the relay
  case displaced
  /// Another connection needed its place (`MAX_PEERS`, `MAX_PENDING`).
  case evicted
  /// `MAX_PEERS`
  case full
  /// `MAX_PENDING`
  case pendingFull = "pending_full"
  /// `MAX_PEERS_PER_CIRCUIT`
  case circuitFull = "circuit_full"
  /// Its circuit has opened too many connections recently.
  case circuitRate = "circuit_rate"
  /// `jm-directory-ctl close`
  case admin
  case shutdown
}
