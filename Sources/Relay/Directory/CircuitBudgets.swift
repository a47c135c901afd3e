import StateImage
import Units
import Wire

/// The budgets of each Tor circuit. They outlive its nicks and its connections: a peer that returns
/// through the same circuit under a new nick gets what is left, not a new burst.
///
/// Memory is bounded: circuits are kept in two generations. The older one is forgotten when the
/// newer one is full or `window` has passed, whichever is first. `window` is as long as the slowest
/// bucket takes to fill, so an idle circuit gains nothing when it is forgotten.
struct CircuitBudgets {
  enum Kind: Int, CaseIterable {
    case frames
    case publicLines
    /// Of public lines.
    case publicBytes
    case orderbookRequests
    case peerlists
    case handshakes
    /// Departures that are announced to everyone.
    case departures

    /// The name in metrics.
    var label: String {
      switch self {
      case .frames: "frames"
      case .publicLines: "public_lines"
      case .publicBytes: "public_bytes"
      case .orderbookRequests: "orderbook_requests"
      case .peerlists: "peerlists"
      case .handshakes: "handshakes"
      case .departures: "departures"
      }
    }
  }

  struct Rates: Equatable, Sendable {
    var frames = Rate.unlimited
    var publicLines = Rate.unlimited
    var publicBytes = Rate.unlimited
    var orderbookRequests = Rate.unlimited
    var peerlists = Rate.unlimited
    var handshakes = Rate.unlimited
    var departures = Rate.unlimited

    subscript(kind: Kind) -> Rate {
      switch kind {
      case .frames: frames
      case .publicLines: publicLines
      case .publicBytes: publicBytes
      case .orderbookRequests: orderbookRequests
      case .peerlists: peerlists
      case .handshakes: handshakes
      case .departures: departures
      }
    }
  }

  private struct Buckets {
    var frames = TokenBucket()
    var publicLines = TokenBucket()
    var publicBytes = TokenBucket()
    var orderbookRequests = TokenBucket()
    var peerlists = TokenBucket()
    var handshakes = TokenBucket()
    var departures = TokenBucket()

    subscript(kind: Kind) -> TokenBucket {
      get {
        switch kind {
        case .frames: frames
        case .publicLines: publicLines
        case .publicBytes: publicBytes
        case .orderbookRequests: orderbookRequests
        case .peerlists: peerlists
        case .handshakes: handshakes
        case .departures: departures
        }
      }
      set {
        switch kind {
        case .frames: frames = newValue
        case .publicLines: publicLines = newValue
        case .publicBytes: publicBytes = newValue
        case .orderbookRequests: orderbookRequests = newValue
        case .peerlists: peerlists = newValue
        case .handshakes: handshakes = newValue
        case .departures: departures = newValue
        }
      }
    }
  }

  /// The number of circuits in one generation: about 5 MB.
  static let defaultCapacity = 32_768
  /// Longer than any of the default buckets takes to fill.
  static let window = Duration.seconds(300)

  private var newer: [CircuitID: Buckets] = [:]
  private var older: [CircuitID: Buckets] = [:]
  private var turnedAt: Instant?
  private let capacity: Int
  var rates: Rates
  var exhausted = ExhaustedCircuits()
  /// Takes that were refused, by kind.
  private(set) var refusals = [Int](repeating: 0, count: Kind.allCases.count)

  init(rates: Rates = Rates(), capacity: Int = CircuitBudgets.defaultCapacity) {
    self.rates = rates
    self.capacity = capacity
  }

  /// Circuits that are remembered; those of both generations count twice.
  var count: Int { newer.count + older.count }

  /// Takes one token and returns whether there was one. A connection whose circuit is unknown has
  /// no such budget and always passes.
  mutating func take(_ kind: Kind, _ count: Int = 1, of circuit: CircuitID?, at now: Instant)
    -> Bool
  {
    guard let circuit, rates[kind].cost > 0 else { return true }
    turn(at: now)
    var buckets = newer[circuit] ?? older[circuit] ?? Buckets()
    let isTaken = buckets[kind].take(count, of: rates[kind], at: now)
    newer[circuit] = buckets
    if !isTaken {
      refusals[kind.rawValue] += 1
      exhausted.note(circuit, at: now)
    }
    return isTaken
  }

  /// The number of tokens in use, 0 for an idle circuit.
  func used(_ kind: Kind, of circuit: CircuitID, at now: Instant) -> Int {
    (newer[circuit] ?? older[circuit])?[kind].used(rates[kind], at: now) ?? 0
  }

  /// The circuits that have used some of their budgets, for the next process.
  func state(at now: Instant) -> [CircuitImage] {
    newer.merging(older) { newer, _ in newer }.compactMap { circuit, buckets in
      let times = Kind.allCases.map { buckets[$0].fullAgain }
      guard times.contains(where: { $0 > now }) else { return nil }
      return CircuitImage(
        circuit: circuit.value, listener: circuit.listener, buckets: times)
    }
  }

  mutating func restore(_ circuits: [CircuitImage], at now: Instant) {
    turnedAt = now
    for image in circuits.prefix(capacity) where image.buckets.count == Kind.allCases.count {
      var buckets = Buckets()
      for (kind, time) in zip(Kind.allCases, image.buckets) {
        buckets[kind] = TokenBucket(fullAgain: time)
      }
      newer[CircuitID(value: image.circuit, listener: image.listener)] = buckets
    }
  }

  private mutating func turn(at now: Instant) {
    let start = turnedAt ?? now
    turnedAt = start
    guard now >= start + Self.window || newer.count >= capacity else { return }
    older = newer
    newer = [:]
    turnedAt = now
  }
}
