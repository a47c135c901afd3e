import Units

/// Limits the work of one turn, so that flooding peers do not delay the others: 4 KiB of each peer,
/// up to 60 KiB more of some, 256 KiB of those together, half a millisecond for new connections,
/// and 8 proofs.
package struct TurnBudget {
  /// Reads of one session in one turn, of 4 KiB each.
  static let readsPerSession = 16
  /// Reads of all sessions in one turn, in addition to each session's first.
  static let furtherReads = 64
  /// Signatures checked in one turn; each takes about 50 µs.
  static let proofs = 8
  /// The time in one turn for sessions that have sent much at once.
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

  /// Takes one proof from the budget.
  mutating func takeProof() { proofsLeft -= 1 }

  /// Refills the reads and the time for new connections at the end of a turn.
  mutating func refillReads() {
    furtherReadsLeft = Self.furtherReads
    newConnectionsLeft = Self.newConnectionsTime.nanoseconds
  }

  /// Refills the proofs in a turn that continues with waiting proofs. While no proof waits there is
  /// no refill.
  mutating func refillProofs() { proofsLeft = Self.proofs }
}
