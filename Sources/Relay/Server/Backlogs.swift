import Directory
import EventLoop
import Units

/// The backlogs of all peers and their limits (promises.md, "Never lose, never stall").
///
/// The backlog of one peer is counted in bytes. The sum of all is memory: bytes as the allocator
/// holds them. Only sessions with a backlog have an entry, so a broadcast to other sessions costs
/// nothing here.
package struct Backlogs {
  package struct Limits: Equatable {
    var hard = ByteCount.mebibytes(8)
    var soft = ByteCount.mebibytes(1)
    /// The longest time with a backlog over `soft` and no byte read.
    var softTime = Duration.seconds(60)
    package var total = ByteCount.mebibytes(512)
  }

  private struct Lag {
    let session: Session
    var bytes = 0
    var memory = 0
    /// All bytes that were ever added to its backlog. Minus `bytes`, the bytes that it has read of
    /// it.
    var owed = 0
    var taken = 0
    /// When it last read some of its backlog, or had little to read.
    var progressAt: Instant
    /// When it last read some of its backlog.
    var takenAt: Instant
    /// Since when its backlog has been over half of `hard`.
    var largeSince: Instant?
    /// Whether its memory is included in `stalled`.
    var isStalled = false
  }

  package var limits = Limits()
  private var lagging: [PeerID: Lag] = [:]
  /// The sum of all backlogs as memory, updated by `left`, `measure` and `forget`.
  package private(set) var total = 0

  package var count: Int { lagging.count }
  /// Sessions with a backlog over `limits.soft`.
  package var slowCount: Int { lagging.values.count { $0.bytes > limits.soft.bytes } }
  package var largest: Int { lagging.values.lazy.map(\.bytes).max() ?? 0 }

  /// Adds `count` bytes to the backlog of this session.
  package mutating func left(_ count: Int, for session: Session, at now: Instant) {
    var lag = lagging[session.id] ?? Lag(session: session, progressAt: now, takenAt: now)
    lag.owed += count
    add(-1, lag)
    (lag.bytes, lag.memory) = (session.backlog, session.backlogMemory)
    add(1, lag)
    lagging[session.id] = lag
  }

  /// Removes a session that has read everything or is gone.
  package mutating func forget(_ id: PeerID) {
    if let lag = lagging.removeValue(forKey: id) { add(-1, lag) }
  }

  private mutating func add(_ sign: Int, _ lag: Lag) {
    total += sign * lag.memory
    if lag.isStalled { stalled += sign * lag.memory }
  }

  /// Returns when this session last read some of its backlog or had little to read, and when it
  /// last read some.
  func progress(of id: PeerID) -> (progressAt: Instant, takenAt: Instant)? {
    lagging[id].map { ($0.progressAt, $0.takenAt) }
  }

  /// Adds a session of another process with its backlog.
  mutating func restore(_ session: Session, progressAt: Instant, takenAt: Instant) {
    guard session.backlog > 0 else { return }
    var lag = Lag(session: session, progressAt: progressAt, takenAt: takenAt)
    (lag.bytes, lag.memory) = (session.backlog, session.backlogMemory)
    lag.owed = lag.bytes
    add(1, lag)
    lagging[session.id] = lag
  }

  func isOverHardLimit(_ session: Session) -> Bool { session.backlog > limits.hard.bytes }

  var isOverTotal: Bool { total > limits.total.bytes }

  // MARK: What public lines wait for

  /// A reader that has read nothing for so long no longer delays public lines, and is closed first
  /// when memory is short.
  static let stallTime = Duration.seconds(5)
  /// The longest time for which active readers may delay public lines.
  static let mostHeldTime = Duration.seconds(10)
  /// The average backlog of a reader above which lines of `FairQueue.bulk` flows wait.
  static let bulkBytesPerReader = 64 << 10
  static let leastBulkShare = 8 << 20

  /// The sum of the backlogs of sessions that have read nothing for `stallTime`, updated by
  /// `measure`.
  private var stalled = 0
  /// Whether an active reader has been over half of `hard` for less than `softTime`.
  private var hasLargeReader = false
  private var overShareSince: Instant?

  /// The part of `MAX_BACKLOG` above which all public lines wait for active readers. The rest is
  /// for private lines and answers.
  var isOverShare: Bool { total - stalled > limits.total.bytes / 4 }

  /// Returns which public lines wait for readers. Lines of `FairQueue.bulk` flows wait at much
  /// smaller backlogs than the others.
  func held(readers: Int) -> PublicLines.Held {
    if isOverShare { return .all }
    let share = min(
      limits.total.bytes / 8, max(Self.leastBulkShare, readers * Self.bulkBytesPerReader))
    return hasLargeReader || total - stalled > share ? .bulk : .nothing
  }

  /// Checks all sessions with a backlog.
  /// - Returns: sessions that have read nothing for too long, and sessions that have delayed all
  ///   public lines for too long.
  mutating func measure(at now: Instant) -> [Session] {
    var frozen: [Session] = []
    total = 0
    stalled = 0
    hasLargeReader = false
    for id in Array(lagging.keys) {
      guard var lag = lagging[id] else { continue }
      (lag.bytes, lag.memory) = (lag.session.backlog, lag.session.backlogMemory)
      if lag.owed - lag.bytes > lag.taken {
        lag.taken = lag.owed - lag.bytes
        lag.progressAt = now
        lag.takenAt = now
      }
      lag.isStalled = lag.takenAt + Self.stallTime <= now
      if lag.bytes <= limits.soft.bytes { lag.progressAt = now }
      lag.largeSince = lag.bytes > limits.hard.bytes / 2 ? lag.largeSince ?? now : nil
      if let since = lag.largeSince, !lag.isStalled, now < since + limits.softTime {
        hasLargeReader = true
      }
      add(1, lag)
      lagging[id] = lag
      if lag.bytes > limits.soft.bytes, lag.progressAt + limits.softTime <= now {
        frozen.append(lag.session)
      }
    }
    overShareSince = isOverShare ? overShareSince ?? now : nil
    if let since = overShareSince, since + Self.mostHeldTime <= now {
      let surplus = total - stalled - limits.total.bytes / 4
      frozen += largest(surplus, of: lagging.values.filter { !$0.isStalled })
    }
    return frozen
  }

  // MARK: Memory

  /// Returns the sessions to close so that the sum is a tenth below its limit: the largest
  /// backlogs, stalled ones first.
  mutating func excess() -> [Session] {
    guard isOverTotal else { return [] }
    recount()
    guard isOverTotal else { return [] }
    let surplus = total - limits.total.bytes / 10 * 9
    // An active reader is closed last.
    let gone = largest(surplus, of: lagging.values.filter(\.isStalled))
    return gone + largest(surplus - stalled, of: lagging.values.filter { !$0.isStalled })
  }

  /// Returns the largest of `lags` that together hold at least this much.
  private func largest(_ surplus: Int, of lags: [Lag]) -> [Session] {
    guard surplus > 0 else { return [] }
    var left = surplus
    var largest: [Session] = []
    for lag in lags.sorted(by: { ($0.memory, $0.session.id.slot) > ($1.memory, $1.session.id.slot) }
    )
    where left > 0 {
      largest.append(lag.session)
      left -= lag.memory
    }
    return largest
  }

  /// A session may have read much since its last check.
  private mutating func recount() {
    total = 0
    stalled = 0
    for id in Array(lagging.keys) {
      guard var lag = lagging[id] else { continue }
      (lag.bytes, lag.memory) = (lag.session.backlog, lag.session.backlogMemory)
      add(1, lag)
      lagging[id] = lag
    }
  }
}
