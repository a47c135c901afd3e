import Units

/// How much a limit lets through: `burst` at once, then `count` in every `per`.
package struct Rate: Equatable, Sendable {
  /// Nanoseconds that one passage costs; 0 turns the limit off.
  let cost: Int64
  /// Nanoseconds that may be owed at once.
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

  /// Twice the count and twice the burst in the same time.
  var doubled: Rate { Rate(cost: cost == 0 ? 0 : max(1, cost / 2), allowance: allowance) }
}

/// A token bucket in eight bytes: the time at which it will be full again (GCRA). An idle one needs
/// no upkeep.
package struct TokenBucket {
  var fullAgain = Instant(nanoseconds: .min / 2)

  /// Takes one token, or says that there is none.
  package mutating func take(_ rate: Rate, at now: Instant) -> Bool {
    // More than that was owed at another rate, before a reload.
    fullAgain.nanoseconds = min(fullAgain.nanoseconds, now.nanoseconds + rate.allowance)
    return take(1, of: rate, at: now)
  }

  /// Takes `count` tokens at once, going into debt when at least one is there.
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

  /// Takes `count` tokens whether or not they are there.
  mutating func spend(_ count: Int, of rate: Rate, at now: Instant) {
    guard rate.cost > 0 else { return }
    fullAgain.nanoseconds = max(fullAgain.nanoseconds, now.nanoseconds) + rate.cost * Int64(count)
  }

  /// Tokens that were taken and have not come back.
  func used(_ rate: Rate, at now: Instant) -> Int {
    guard rate.cost > 0 else { return 0 }
    let owed = max(0, fullAgain.nanoseconds - now.nanoseconds)
    return Int((owed + rate.cost - 1) / rate.cost)
  }
}
