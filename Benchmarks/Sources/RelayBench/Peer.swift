#if os(Linux)
  /// One simulated peer: its socket, its buffers and its counts.
  struct Peer {
    enum Phase { case waiting, connecting, handshaking, ready, gone }

    var fd: Int32 = -1
    var phase = Phase.waiting
    /// A maker serves an onion and is listed; a taker is not.
    var isMaker = false
    /// Whether its deliveries are timed.
    var isSampled = false
    /// Whether the node may close it without an error.
    var mayBeClosed = false
    /// The beginning of an incomplete line.
    var input = Bytes()
    /// Bytes that the kernel has not taken yet.
    var output = Bytes()
    /// The numbers of PEERLIST entries seen: of connected peers, and of peers that left.
    var listed = 0
    var left = 0
    /// The number of this peer's next line, as a sender.
    var nextNumber = 0
  }

  /// How peers react to a line.
  enum Reaction {
    case none
    /// The sender of a pair sends its next line for each line that its receiver got. Receivers are
    /// the peers from `pairs` on; each pair sends `lines` lines in total.
    case keepInFlight(pairs: Int, lines: Int)
    /// Makers answer `!orderbook` with one private line to peer 0.
    case answerOrderbook
  }
#endif
