#if os(Linux)
  /// One simulated peer: a socket, what it still has to read and write, and what it has seen.
  struct Peer {
    enum Phase { case waiting, connecting, handshaking, ready, gone }

    var fd: Int32 = -1
    var phase = Phase.waiting
    /// A maker serves an onion and is listed; a taker is not.
    var isMaker = false
    /// Its deliveries are timed.
    var isSampled = false
    /// The node may close it without that being a fault.
    var mayBeClosed = false
    /// The beginning of a line whose end has not come.
    var input = Bytes()
    /// What the kernel has not taken yet.
    var output = Bytes()
    /// PEERLIST entries seen: peers that are there, and peers that left.
    var listed = 0
    var left = 0
    /// The number of this peer's next line, as a sender.
    var nextNumber = 0
  }

  /// What peers do of themselves when a line arrives.
  enum Reaction {
    case none
    /// The sender of the pair writes its next line for each that its receiver got. Receivers are
    /// the peers from `pairs` on; `lines` is what each pair sends in all.
    case keepInFlight(pairs: Int, lines: Int)
    /// Makers answer `!orderbook` with one private line to peer 0.
    case answerOrderbook
  }
#endif
