import Units

/// A rate limit: `burst` at once, then `count` in every `per`.
package struct Rate: Equatable, Sendable {
  /// The cost of one token in nanoseconds; 0 turns the limit off.
  let cost: Int64
  /// The burst in nanoseconds.
  let allowance: Int64

  static let unlimited = Rate(count: 0, per: .seconds(1), burst: 0)

  /// - Parameter count: 0 turns the limit off.
  package init(count: Int, per time: Duration, burst: Int) {
    cost = count == 0 ? 0 : max(1, time.nanoseconds / Int64(count))
    allowance = cost * Int64(max(1, burst))
  }

  private init(cost: Int64, allowance: Int64) {
    self.cost = cost
    self.allowance = allowance
  }

  /// The same limit with twice the count and twice the burst.
  var doubled: Rate { Rate(cost: cost == 0 ? 0 : max(1, cost / 2), allowance: allowance) }
}

/// A token bucket in eight bytes: the time at which it will be full again (GCRA). An idle one needs
/// no upkeep.
package struct TokenBucket {
  var fullAgain = Instant(nanoseconds: .min / 2)

  /// Takes one token and returns whether there was one.
  package mutating func take(_ rate: Rate, at now: Instant) -> Bool {
    // A larger debt is from another rate, before a reload.
    fullAgain.nanoseconds = min(fullAgain.nanoseconds, now.nanoseconds + rate.allowance)
    return take(1, of: rate, at: now)
  }

  /// Takes `count` tokens if there is at least one. The bucket may go into debt.
  package mutating func take(_ count: Int, of rate: Rate, at now: Instant) -> Bool {
    guard rate.cost > 0 else { return true }
    let start = max(fullAgain.nanoseconds, now.nanoseconds)
    guard start + rate.cost - now.nanoseconds <= rate.allowance else { return false }
    fullAgain.nanoseconds = start + rate.cost * Int64(count)
    return true
  }

  /// Whether there is a token.
  func has(_ rate: Rate, at now: Instant) -> Bool {
    rate.cost == 0
      || max(fullAgain.nanoseconds, now.nanoseconds) + rate.cost - now.nanoseconds
        <= rate.allowance
  }

  /// Takes `count` tokens even if the bucket is empty.
  mutating func spend(_ count: Int, of rate: Rate, at now: Instant) {
    guard rate.cost > 0 else { return }
    fullAgain.nanoseconds = max(fullAgain.nanoseconds, now.nanoseconds) + rate.cost * Int64(count)
  }

  /// The number of tokens that were taken and not refilled yet.
  func used(_ rate: Rate, at now: Instant) -> Int {
    guard rate.cost > 0 else { return 0 }
    let owed = max(0, fullAgain.nanoseconds - now.nanoseconds)
    return Int((owed + rate.cost - 1) / rate.cost)
  }
}
