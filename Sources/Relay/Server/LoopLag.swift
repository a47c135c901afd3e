/// How late the loop's own tick comes: the time that any peer may have had to wait for its turn.
struct LoopLag {
  /// Upper bounds of the histogram's buckets; the last bucket is everything above.
  static let bounds: [Duration] = [1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 5_000].map {
    .milliseconds($0)
  }

  private(set) var counts = [Int](repeating: 0, count: LoopLag.bounds.count + 1)
  private(set) var sum = Duration.zero
  private(set) var worst = Duration.zero
  private(set) var last = Duration.zero
  /// The worst since this was last set to zero: history does.
  var worstLately = Duration.zero
  private(set) var due = Instant(nanoseconds: 0)

  mutating func expectTick(at time: Instant) { due = time }

  mutating func tick(at now: Instant, next: Instant) {
    last = max(.zero, now - due)
    due = next
    sum += last
    worst = max(worst, last)
    worstLately = max(worstLately, last)
    counts[Self.bounds.firstIndex { last <= $0 } ?? Self.bounds.count] += 1
  }
}
