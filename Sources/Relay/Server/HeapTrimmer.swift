import Units

/// When memory that peers' backlogs took is to be given back to the system. The allocator keeps
/// what was freed below anything still in use, and after a burst something always is: without this
/// a slow reader's 8 MiB would stay with the process after it.
struct HeapTrimmer {
  /// Freeing less does not justify the walk through the heap.
  static let minimumFreed = ByteCount.mebibytes(1)
  /// Backlogs that come and go are not given back each time.
  package static let interval = Duration.seconds(5)

  /// Trim the heap once connections have fallen 90 % below a peak of at least this many.
  static let connectionPeak = 256

  private var most = 0
  private var last: Instant?
  private var mostConnections = 0

  /// The backlogs of all peers are this large now.
  mutating func note(_ total: Int) { most = max(most, total) }

  /// Whether enough has been freed since the last time. Says so once.
  mutating func isDue(with total: Int, at now: Instant) -> Bool {
    note(total)
    guard most - total >= Self.minimumFreed.bytes else { return false }
    if let last, now < last + Self.interval { return false }
    last = now
    most = total
    return true
  }

  /// Whether connections have fallen 90 % below their peak since the last call. True once a peak.
  mutating func hasPeakPassed(_ connections: Int) -> Bool {
    mostConnections = max(mostConnections, connections)
    guard mostConnections >= Self.connectionPeak, connections <= mostConnections / 10 else {
      return false
    }
    mostConnections = connections
    return true
  }
}
