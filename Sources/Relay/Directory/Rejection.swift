import Wire

/// Why a handshake is refused. The text is sent to the peer after `Rejected: `.
package enum Rejection: Hashable, CaseIterable, Error {
  case handshake(HandshakeRejection)
  case nickTaken
  case full
  /// `MAX_PENDING`; sent before the peer's handshake.
  case pendingFull
  case nickAuthRequired
  case stopping

  package static var allCases: [Rejection] {
    HandshakeRejection.allCases.map(Rejection.handshake) + [
      .nickTaken, .full, .pendingFull, .nickAuthRequired, .stopping,
    ]
  }

  /// The name in metrics and logs.
  package var label: String {
    switch self {
    case .handshake(let rejection): rejection.label
    case .nickTaken: "nick_taken"
    case .full: "full"
    case .pendingFull: "pending_full"
    case .nickAuthRequired: "nick_auth_required"
    case .stopping: "stopping"
    }
  }
}
