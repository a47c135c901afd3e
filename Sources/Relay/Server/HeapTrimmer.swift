import Units

/// Decides when to return the memory of backlogs to the system. The allocator keeps freed memory
/// below any block in use, so the 8 MiB of a slow reader would stay with the process.
struct HeapTrimmer {
  /// Less than this does not justify a scan of the heap.
  static let minimumFreed = ByteCount.mebibytes(1)
  /// The shortest time between two trims.
  package static let interval = Duration.seconds(5)

  /// Trim the heap once connections have fallen 90 % below a peak of at least this many.
  static let connectionPeak = 256

  private var most = 0
  private var last: Instant?
  private var mostConnections = 0

  /// Records the current sum of backlogs.
  mutating func note(_ total: Int) { most = max(most, total) }

  /// Returns once whether enough was freed since the last trim.
  mutating func isDue(with total: Int, at now: Instant) -> Bool {
    note(total)
    guard most - total >= Self.minimumFreed.bytes else { return false }
    if let last, now < last + Self.interval { return false }
    last = now
    most = total
    return true
  }

  /// Returns whether connections have fallen 90 % below their peak. True once for each peak.
  mutating func hasPeakPassed(_ connections: Int) -> Bool {
    mostConnections = max(mostConnections, connections)
    guard mostConnections >= Self.connectionPeak, connections <= mostConnections / 10 else {
      return false
    }
    mostConnections = connections
    return true
  }
}
