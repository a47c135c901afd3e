import Units
import Wire

/// The directory's state of one connection. Kept small: one array holds ten thousand of them.
package struct Peer {
  package enum State: UInt8 {
    /// The slot is free.
    case free
    /// Connected, no handshake yet.
    case pending
    /// Another peer holds its nick and is being probed (protocol.md §3.1).
    case waiting
    /// Has to prove its nick (protocol.md §8) and does not hold it yet.
    case proving
    /// Admitted: receives broadcasts and counts towards `MAX_PEERS`.
    case present
  }

  package struct Flags: OptionSet {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package static let servesOnion = Flags(rawValue: 1 << 0)
    /// Has announced an offer.
    package static let announced = Flags(rawValue: 1 << 1)
    /// Advertised no feature, so it counts as a cs client, which closes its connection on long
    /// lines.
    package static let oldClient = Flags(rawValue: 1 << 2)
    /// Has proved its nick.
    package static let verified = Flags(rawValue: 1 << 3)
    /// Was sent a probe and has sent nothing since.
    package static let probed = Flags(rawValue: 1 << 4)
    /// A pending connection waits for its nick.
    static let contested = Flags(rawValue: 1 << 5)
    /// An established peer has addressed it.
    static let addressed = Flags(rawValue: 1 << 6)
    /// Has sent a line that was passed on, or a list request, since its handshake.
    static let active = Flags(rawValue: 1 << 7)
    /// Silent for long, and it answers no kind of probe (protocol.md §7). `Registry` counts these.
    package static let evictable = Flags(rawValue: 1 << 8)
    /// A line of it was delivered, so other peers may try to reach it here.
    package static let hasSpoken = Flags(rawValue: 1 << 9)
  }

  var generation: UInt32 = 0
  package var state = State.free
  package var flags: Flags = []
  package var features: Features.Known = []
  /// The next page of the peerlist that is being sent to it; −1: none.
  var listCursor: Int32 = -1
  package var nick = Nick.nobody
  /// `nick;location`, as in every PEERLIST entry.
  package var entry: [UInt8] = []
  /// The names after `;F:`, shared among peers with the same features.
  var featureText: [UInt8] = []
  var connectedAt = Instant(nanoseconds: 0)
  package var lastReceived = Instant(nanoseconds: 0)
  package var messages = TokenBucket()
  package var publicFrames = TokenBucket()
  var publicBytes = TokenBucket()
  package var orderbookRequests = TokenBucket()
  package var peerlistRequests = TokenBucket()
  var cost = PeerCost()
  package var violations: UInt32 = 0
  /// The first eight bytes, after the parity byte, of the key that a verified peer has proved.
  package var keyTag: UInt64 = 0
  package var circuit: CircuitID?
  /// Fingerprints of the order ids it has announced and not cancelled.
  package var offers: [UInt64] = []

  /// Whether its departure is announced.
  var isKnownToOthers: Bool { isListed || flags.contains(.hasSpoken) }

  var isListed: Bool { flags.contains(.servesOnion) || flags.contains(.announced) }
}
