import Units
import Wire

/// What the directory knows of one connection, kept small: ten thousand of them lie in one array.
package struct Peer {
  package enum State: UInt8 {
    /// Nobody is here.
    case free
    /// Connected, no handshake yet.
    case pending
    /// Its nick is taken and the holder is being probed (protocol.md §3.1).
    case waiting
    /// Owes the proof of its nick (protocol.md §8); holds no nick yet.
    case proving
    /// Has shaken hands: listed, reached by broadcasts, counted.
    case present
  }

  package struct Flags: OptionSet {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package static let servesOnion = Flags(rawValue: 1 << 0)
    /// Has announced an offer at some time.
    package static let announced = Flags(rawValue: 1 << 1)
    /// Advertised no feature at all: taken for a cs client, which drops its connection on long
    /// lines.
    package static let oldClient = Flags(rawValue: 1 << 2)
    /// Has proved that its nick is its own.
    package static let verified = Flags(rawValue: 1 << 3)
    /// Was sent a probe and has sent nothing since.
    package static let probed = Flags(rawValue: 1 << 4)
    /// A pending connection waits for its nick.
    static let contested = Flags(rawValue: 1 << 5)
    /// A peer that is no stranger has said something to it.
    static let addressed = Flags(rawValue: 1 << 6)
    /// Has asked for something since its handshake.
    static let active = Flags(rawValue: 1 << 7)
    /// Silent for long, and nothing that it would answer can be asked (protocol.md §7). `Registry`
    /// counts these.
    package static let evictable = Flags(rawValue: 1 << 8)
    /// A line of its own has been passed on: others may believe that they reach it here.
    package static let hasSpoken = Flags(rawValue: 1 << 9)
  }

  var generation: UInt32 = 0
  package var state = State.free
  package var flags: Flags = []
  package var features: Features.Known = []
  /// The page on which its list under way goes on; −1: none.
  var listCursor: Int32 = -1
  package var nick = Nick.nobody
  /// `nick;location`, as it stands in every PEERLIST entry.
  package var entry: [UInt8] = []
  /// The names behind `;F:`, shared among peers that advertise the same.
  var featureText: [UInt8] = []
  var connectedAt = Instant(nanoseconds: 0)
  package var lastReceived = Instant(nanoseconds: 0)
  package var messages = TokenBucket()
  package var publicFrames = TokenBucket()
  var publicBytes = TokenBucket()
  package var orderbookRequests = TokenBucket()
  package var peerlistRequests = TokenBucket()
  package var violations: UInt32 = 0
  var cost = PeerCost()
  /// Of the key that a verified peer has proved: the first eight bytes behind its parity byte.
  package var keyTag: UInt64 = 0
  package var circuit: CircuitID?
  /// Fingerprints of the order ids it has announced and not cancelled.
  package var offers: [UInt64] = []

  /// Whether its leaving is told.
  var isKnownToOthers: Bool { isListed || flags.contains(.hasSpoken) }

  var isListed: Bool { flags.contains(.servesOnion) || flags.contains(.announced) }
}
