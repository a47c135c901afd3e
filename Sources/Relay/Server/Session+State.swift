import Directory
import Units

// The states of a session and the allowed transitions:
//
//     expectingProxyLine
//             |
//             v
//        handshaking ------> awaitingProof <----> proofPostponed
//          |      |                |
//          v      |                |
//         held    |                |
//          |      v                |
//          +--> present <----------+
//
//     from each of these:  --> closing(reason)             a send to it has failed
//                          --> closed(reason)
//     all but expectingProxyLine:
//                          --> lingering(reason, until)    its last bytes are still being sent
//     closing, lingering   --> closed(reason)
//
// `closed` is final. The reason to close does not change once it is known.

extension Session {
  enum State: Equatable {
    /// The first line must be a PROXY line.
    case expectingProxyLine
    /// A pending connection: its frames go to the directory.
    case handshaking
    /// Its nick is taken: takes no frame until the directory admits or refuses it.
    case held
    /// The next line is the proof of its nick.
    case awaitingProof
    /// Its proof waits for a turn with budget to check it.
    case proofPostponed
    /// Admitted: its frames go to the directory and broadcasts reach it.
    case present
    /// Closed at the end of the turn. Nothing is read from it or sent to it.
    case closing(CloseReason)
    /// Forgotten by the directory. Queued bytes are still sent; received bytes are discarded.
    case lingering(CloseReason, until: Instant)
    case closed(CloseReason)

    /// Whether the directory knows it and it is not about to be closed.
    var isOpen: Bool {
      switch self {
      case .expectingProxyLine, .handshaking, .held, .awaitingProof, .proofPostponed, .present: true
      case .closing, .lingering, .closed: false
      }
    }

    /// Whether its lines are processed when they are received.
    var takesLines: Bool {
      switch self {
      case .expectingProxyLine, .handshaking, .awaitingProof, .present: true
      case .held, .proofPostponed, .closing, .lingering, .closed: false
      }
    }

    /// The reason to close it.
    var closeReason: CloseReason? {
      switch self {
      case .closing(let reason), .lingering(let reason, _), .closed(let reason): reason
      case .expectingProxyLine, .handshaking, .held, .awaitingProof, .proofPostponed, .present: nil
      }
    }

    /// Returns whether a session may go from this state to `next`.
    func allows(_ next: State) -> Bool {
      switch (self, next) {
      case (.expectingProxyLine, .handshaking),
        (.handshaking, .held), (.handshaking, .awaitingProof), (.handshaking, .present),
        (.held, .present),
        (.awaitingProof, .proofPostponed), (.awaitingProof, .present),
        (.proofPostponed, .awaitingProof):
        true
      case (_, .closing): isOpen
      case (_, .lingering): isOpen && self != .expectingProxyLine
      case (_, .closed(let reason)): isOpen || closeReason == reason && !isClosed
      default: false
      }
    }

    var isClosed: Bool {
      if case .closed = self { true } else { false }
    }
  }
}
