import Units

/// The part of a processor that this process has used between two ticks.
struct ProcessLoad {
  private var last: (at: Instant, used: Duration)?
  /// Whether it was more than half of a processor.
  private(set) var isHigh = false

  /// - Parameter used: the total processor time of the process.
  mutating func tick(at now: Instant, used: Duration) {
    if let last { isHigh = (used - last.used) * 2 > now - last.at }
    last = (now, used)
  }
}

/// The delay of the loop's tick, which is the time that a peer may have waited for its turn.
package struct LoopLag {
  /// Upper bounds of the histogram's buckets; the last bucket has no bound.
  package static let bounds: [Duration] = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 5_000].map {
    .milliseconds($0)
  }

  package private(set) var counts = [Int](repeating: 0, count: LoopLag.bounds.count + 1)
  package private(set) var sum = Duration.zero
  package private(set) var worst = Duration.zero
  package private(set) var last = Duration.zero
  /// The largest delay since the history last reset this.
  package var maxSinceSample = Duration.zero
  package private(set) var due = Instant(nanoseconds: 0)

  mutating func expectTick(at time: Instant) { due = time }

  package mutating func tick(at now: Instant, next: Instant) {
    last = max(.zero, now - due)
    due = next
    sum += last
    worst = max(worst, last)
    maxSinceSample = max(maxSinceSample, last)
    counts[Self.bounds.firstIndex { last <= $0 } ?? Self.bounds.count] += 1
  }
}
