import Directory
import Units

// Where a session stands, and the only ways from one state to the next:
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
//     from each of these:  --> closing(reason)             failed while something was sent to it
//                          --> closed(reason)
//     all but expectingProxyLine:
//                          --> lingering(reason, until)    its last bytes are still on their way
//     closing, lingering   --> closed(reason)
//
// `closed` is final. The reason to close does not change once it is known.

extension Session {
  enum State: Equatable {
    /// The first line must be a PROXY line.
    case expectingProxyLine
    /// A pending connection: its frames go to the directory.
    case handshaking
    /// The holder of its nick is being asked: takes no frame until the directory admits or refuses
    /// it.
    case held
    /// The next line is the proof of its nick, whatever is in it.
    case awaitingProof
    /// Its proof waits for a turn in which there is time to check it.
    case proofPostponed
    /// Admitted: its frames go to the directory and broadcasts reach it.
    case present
    /// Nothing is read from it or sent to it; it is closed at the end of the turn.
    case closing(CloseReason)
    /// Forgotten by the directory. What was sent to it goes out, what it sends is thrown away.
    case lingering(CloseReason, until: Instant)
    case closed(CloseReason)

    /// Whether the directory knows it and it is not about to be closed.
    var isOpen: Bool {
      switch self {
      case .expectingProxyLine, .handshaking, .held, .awaitingProof, .proofPostponed, .present: true
      case .closing, .lingering, .closed: false
      }
    }

    /// Whether its lines are taken as they come.
    var takesLines: Bool {
      switch self {
      case .expectingProxyLine, .handshaking, .awaitingProof, .present: true
      case .held, .proofPostponed, .closing, .lingering, .closed: false
      }
    }

    /// Why it is being closed or is closed.
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
