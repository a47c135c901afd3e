import Units

/// Every limit and time of the directory. The server fills it from the settings and may replace it
/// while the directory runs. The defaults here are for tests; users' are in the settings table.
package struct Limits: Equatable, Sendable {
  /// Connections after their handshake (`MAX_PEERS`).
  package var peers = 10_000
  /// Connections before it (`MAX_PENDING`).
  package var pending = 1_000
  /// Connections of one Tor circuit (`MAX_PEERS_PER_CIRCUIT`).
  package var peersPerCircuit = 8

  /// The longest frame that is passed on (`MAX_LINE_LENGTH`, in bytes without the terminator). A
  /// line within the limit may be three times as long in canonical form.
  package var longestLine = 65_536

  package var handshakeTime = Duration.seconds(30)
  /// The time for the proof of a nick (`NICK_AUTH_TIMEOUT`, protocol.md §8).
  package var proofTime = Duration.seconds(30)
  /// The time in which the holder of a nick must send something to keep it (protocol.md §3.1).
  package var takeoverTime = Duration.seconds(10)
  /// The shortest time between two takeovers of one nick.
  var takeoverInterval = Duration.seconds(30)

  package var messages = Rate(count: 100, per: .seconds(1), burst: 1_000)
  /// Violations of `messages` before the peer is disconnected; 0: never.
  package var violations = 0
  package var publicFrames = Rate(count: 30, per: .seconds(60), burst: 120)
  package var orderbookRequests = Rate(count: 6, per: .seconds(60), burst: 6)
  package var peerlistRequests = Rate(count: 6, per: .seconds(60), burst: 6)

  /// Bytes of public lines (`PUBLIC_BYTES_LIMIT`).
  package var publicBytes = Rate(count: 64 << 10, per: .seconds(60), burst: 256 << 10)

  /// Public lines of all peers together (`FANOUT_RATE_LIMIT`).
  package var fanout = FanOutBudget.Limits()
  /// Public lines that wait for it.
  package var waiting = FairQueue.Limits()
  /// How long a new peer is a stranger, unless it proves its nick or an established peer addresses
  /// it.
  package var strangerTime = Duration.seconds(180)

  package var sweepInterval = Duration.seconds(60)
  package var idleThreshold = Duration.seconds(600)
  package var hardEvict = Duration.seconds(1_500)
  package var pongWait = Duration.seconds(30)

  /// The number of offers tracked for each peer (protocol.md §4).
  static let offersPerPeer = 64
  /// The bytes of feature names in a peer's entry. Names that do not fit are left out.
  static let featureBytes = 160
  /// Entries in one PEERLIST frame (protocol.md §6).
  static let entriesPerFrame = 20
  /// The longest line a cs client takes, in bytes without the terminator (protocol.md §1).
  package static let longestLineForOldClients = 40_000

  package init() {}

  /// The budgets of a circuit: as much as two connections. Handshakes a minute are four times
  /// `MAX_PEERS_PER_CIRCUIT`, departures twice.
  var circuits: CircuitBudgets.Rates {
    guard limitsCircuits else { return CircuitBudgets.Rates() }
    let places = min(peersPerCircuit, 100_000)
    return CircuitBudgets.Rates(
      frames: messages.doubled, publicLines: publicFrames.doubled,
      publicBytes: publicBytes.doubled, orderbookRequests: orderbookRequests.doubled,
      peerlists: peerlistRequests.doubled,
      handshakes: Rate(count: 4 * places, per: .seconds(60), burst: 4 * places),
      departures: Rate(count: places, per: .seconds(60), burst: 2 * places))
  }
  /// Turns the circuits' budgets off, for tests of other limits.
  var limitsCircuits = true
}
