import StateImage
import Units

/// The budget for delivering public lines, in deliveries and in bytes a second, for all peers
/// together.
///
/// The settings are the ceiling. Below it the budget follows the load: it is halved while the loop
/// is late or backlogs grow, and otherwise widens by a twentieth of the ceiling a second (additive
/// increase, multiplicative decrease, as in TCP). Strangers share a part of it, so that established
/// peers keep the rest.
package struct FanOutBudget {
  package struct Limits: Equatable, Sendable {
    /// Deliveries a second (`FANOUT_RATE_LIMIT`); 0 is no limit.
    package var deliveries = 100_000
    /// Bytes a second, each receiver's copy counted (`FANOUT_BYTES_LIMIT`); 0 is no limit.
    package var bytes = 64 << 20
    /// `!orderbook` a minute (`ORDERBOOK_TOTAL_LIMIT`); 0 is no limit.
    package var orderbookRequests = 150
    /// The answers a second that all `!orderbook` together may cause. It lowers `orderbookRequests`
    /// when there are many makers.
    package var answers = 10_000

    package static let unlimited = Limits(deliveries: 0, bytes: 0, orderbookRequests: 0)

    package init(
      deliveries: Int = 100_000, bytes: Int = 64 << 20, orderbookRequests: Int = 150,
      answers: Int = 10_000
    ) {
      self.deliveries = deliveries
      self.bytes = bytes
      self.orderbookRequests = orderbookRequests
      self.answers = answers
    }
  }

  /// The reasons to narrow the budget.
  package enum Pressure: String, CaseIterable, Sendable {
    case none
    /// The loop's tick came late.
    case loopLag = "loop_lag"
    /// The sum of backlogs is over its share of `MAX_BACKLOG`, or many readers lag behind.
    case backlogs
  }

  /// The smallest part of the ceiling. Peers still reach each other while the relay is slow for
  /// another reason.
  static let leastShare = 1.0 / 16
  /// The same for peers that are no strangers.
  static let leastShareOfOthers = 1.0 / 4
  static let widening = 1.0 / 20
  static let interval = Duration.seconds(1)
  /// The burst, as time: long enough that a pause of the loop wastes little budget, short enough
  /// that one release delays nobody.
  static let burst = 0.05
  /// The bytes a second that each reader gets from all `FairQueue.bulk` flows together. A circuit
  /// that carries 50 kB/s keeps most of it for private lines.
  static let bulkRate = Rate(count: 16 << 10, per: .seconds(1), burst: 64 << 10)
  /// The share of each budget that all strangers together may use.
  static let strangersShare = 0.75

  package var limits: Limits {
    didSet {
      guard limits != oldValue else { return }
      // A debt at the old rate means nothing at the new one.
      everyone = Buckets()
      strangers = Buckets()
      bulk = TokenBucket()
      setRates()
    }
  }
  /// The current budget, as a part of the ceiling.
  package private(set) var share = 1.0
  package private(set) var pressure = Pressure.none
  /// The number of times that it was halved.
  package private(set) var narrowings = 0
  private var adaptedAt: Instant?

  fileprivate struct Buckets {
    var deliveries = TokenBucket()
    var bytes = TokenBucket()
    var requests = TokenBucket()
  }

  private var everyone = Buckets()
  private var strangers = Buckets()
  private var bulk = TokenBucket()

  private var whole = Rates()
  private var part = Rates()

  package init(_ limits: Limits = Limits()) {
    self.limits = limits
    setRates()
  }

  /// The budget for the next process.
  var state: FanOutImage {
    FanOutImage(
      share: UInt64(share * 1e6),
      buckets: [everyone, strangers].flatMap {
        [$0.deliveries.fullAgain, $0.bytes.fullAgain, $0.requests.fullAgain]
      } + [bulk.fullAgain])
  }

  mutating func restore(_ image: FanOutImage) {
    share = min(1, max(Self.leastShare, Double(image.share) / 1e6))
    let buckets = image.buckets.map(TokenBucket.init(fullAgain:))
    if buckets.count == 7 {
      everyone = Buckets(deliveries: buckets[0], bytes: buckets[1], requests: buckets[2])
      strangers = Buckets(deliveries: buckets[3], bytes: buckets[4], requests: buckets[5])
      bulk = buckets[6]
    }
    setRates()
  }

  /// Adjusts the budget to what was seen since the last call; at most once in `interval`.
  package mutating func adapt(to pressure: Pressure, at now: Instant) {
    if pressure != .none { self.pressure = pressure }
    if let adaptedAt, now < adaptedAt + Self.interval { return }
    adaptedAt = now
    self.pressure = pressure
    if pressure == .none {
      share = min(1, share + Self.widening)
    } else {
      share = max(Self.leastShare, share / 2)
      narrowings += 1
    }
    setRates()
  }

  /// The cost of one public line.
  struct Cost {
    let receivers: Int
    /// The bytes of one copy.
    let bytes: Int
    /// The number of makers that will answer it, for a line that asks for the order book. Such a
    /// line costs a token of `orderbookRequests` and the answers.
    var makers: Int?
    /// Whether its flow has sent much recently (`FairQueue.bulk`).
    var isBulk = false
  }

  /// Takes the cost of one line if no budget is empty. A budget may go into debt for it.
  mutating func take(_ cost: Cost, isStranger: Bool, at now: Instant) -> Bool {
    guard mayTake(makers: cost.makers, isStranger: isStranger, at: now),
      !cost.isBulk || mayTakeBulk(at: now)
    else { return false }
    spend(cost, isStranger: isStranger, at: now)
    return true
  }

  /// Whether no budget is empty that such a line needs.
  /// - Parameter makers: as in `Cost`.
  func mayTake(makers: Int?, isStranger: Bool, at now: Instant) -> Bool {
    guard
      everyone.deliveries.has(whole.deliveries, at: now), everyone.bytes.has(whole.bytes, at: now),
      makers.map({ everyone.requests.has(requests($0), at: now) }) ?? true
    else { return false }
    guard isStranger else { return true }
    return strangers.deliveries.has(part.deliveries, at: now)
      && strangers.bytes.has(part.bytes, at: now)
      && (makers.map { strangers.requests.has(requests($0, Self.strangersShare), at: now) } ?? true)
  }

  /// Whether lines of `FairQueue.bulk` flows may be sent.
  func mayTakeBulk(at now: Instant) -> Bool {
    limits.bytes == 0 || bulk.has(Self.bulkRate, at: now)
  }

  /// Takes the cost even if a budget is empty.
  mutating func spend(_ cost: Cost, isStranger: Bool, at now: Instant) {
    if cost.isBulk { bulk.spend(cost.bytes, of: Self.bulkRate, at: now) }
    everyone.spend(cost, whole, cost.makers.map { requests($0) }, at: now)
    guard isStranger else { return }
    strangers.spend(cost, part, cost.makers.map { requests($0, Self.strangersShare) }, at: now)
  }

  fileprivate struct Rates {
    var deliveries = Rate.unlimited
    var bytes = Rate.unlimited
  }

  private mutating func setRates() {
    let shareOfOthers = max(share, Self.leastShareOfOthers)
    whole.deliveries = Self.rate(limits.deliveries, shareOfOthers)
    whole.bytes = Self.rate(limits.bytes, shareOfOthers)
    part.deliveries = Self.rate(limits.deliveries, share * Self.strangersShare)
    part.bytes = Self.rate(limits.bytes, share * Self.strangersShare)
  }

  /// Requests are not narrowed: their deliveries count in the other budgets.
  private func requests(_ makers: Int, _ part: Double = 1) -> Rate {
    guard limits.orderbookRequests > 0 else { return .unlimited }
    var count = Double(limits.orderbookRequests) * part
    if makers > 0 { count = min(count, Double(limits.answers) * part * 60 / Double(makers)) }
    return Rate(count: max(1, Int(count)), per: .seconds(60), burst: max(1, Int(count / 10)))
  }

  private static func rate(_ ceiling: Int, _ part: Double) -> Rate {
    guard ceiling > 0 else { return .unlimited }
    let count = max(1, Int(Double(ceiling) * part))
    return Rate(count: count, per: .seconds(1), burst: max(1, Int(Double(count) * burst)))
  }
}

extension FanOutBudget.Buckets {
  fileprivate mutating func spend(
    _ cost: FanOutBudget.Cost, _ rates: FanOutBudget.Rates, _ requests: Rate?, at now: Instant
  ) {
    // Each maker sends an answer, and the relay adds its entry.
    let deliveries = max(1, cost.receivers + 2 * (cost.makers ?? 0))
    self.deliveries.spend(deliveries, of: rates.deliveries, at: now)
    bytes.spend(max(1, cost.receivers) * cost.bytes, of: rates.bytes, at: now)
    if let requests { self.requests.spend(1, of: requests, at: now) }
  }
}
