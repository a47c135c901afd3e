import Units

/// How much of the work that peers can cause is done in one turn, so that neither one flooding peer
/// nor many at once keep the others from theirs: 4 KiB of each peer, up to 60 KiB more of some, 256
/// KiB of those together, half a millisecond for new connections, and 8 proofs.
package struct TurnBudget {
  /// Reads of one session in one turn, of 4 KiB each.
  static let readsPerSession = 16
  /// Reads in one turn on top of each session's first.
  static let furtherReads = 64
  /// Signatures checked before the loop looks at its sockets again: each takes some 50 µs.
  static let proofs = 8
  /// For sessions that have sent much at once, in one turn.
  static let busyTime = Duration.microseconds(500)
  /// For new connections, in one turn: to accept them and to answer their handshakes.
  static let newConnectionsTime = Duration.microseconds(500)
  /// Bytes of peerlists sent in one turn.
  static let peerlistBytes = 256 << 10

  private var furtherReadsLeft = TurnBudget.furtherReads
  /// While such sessions are read: when the time for them is over.
  var busyEnd: Instant?
  private var proofsLeft = TurnBudget.proofs
  /// Nanoseconds.
  private var newConnectionsLeft = TurnBudget.newConnectionsTime.nanoseconds

  var hasTimeForNewConnections: Bool { newConnectionsLeft > 0 }

  var hasProofs: Bool { proofsLeft > 0 }

  /// Takes one read from the budget.
  /// - Returns: false when there is none left.
  mutating func takeFurtherRead() -> Bool {
    guard furtherReadsLeft > 0 else { return false }
    furtherReadsLeft -= 1
    return true
  }

  /// Takes the time between two readings of the clock from that of new connections.
  mutating func spendOnNewConnections(from start: Instant, to end: Instant) {
    newConnectionsLeft -= end.nanoseconds - start.nanoseconds
  }

  /// A proof is being checked.
  mutating func takeProof() { proofsLeft -= 1 }

  /// Gives all further reads and the time for new connections back: the end of a turn.
  mutating func refillReads() {
    furtherReadsLeft = Self.furtherReads
    newConnectionsLeft = Self.newConnectionsTime.nanoseconds
  }

  /// Gives all proofs back: the turn in which proofs that had to wait go on. Until a proof has to
  /// wait nobody refills.
  mutating func refillProofs() { proofsLeft = Self.proofs }
}
