import Directory
import EventLoop
import Units

/// What peers have not read yet, and when it is too much (promises.md, "Never lose, never stall").
///
/// What one peer owes is counted in bytes. The sum over all is memory: bytes as the allocator holds
/// them. Only sessions that lag behind have an entry, so a broadcast to readers that keep up costs
/// nothing here.
package struct Backlogs {
  package struct Limits: Equatable {
    var hard = ByteCount.mebibytes(8)
    var soft = ByteCount.mebibytes(1)
    /// How long a backlog over `soft` may stand without a byte taken.
    var softTime = Duration.seconds(60)
    package var total = ByteCount.mebibytes(512)
  }

  private struct Lag {
    let session: Session
    var bytes = 0
    var memory = 0
    /// Everything that was ever left over for it; minus `bytes`, what it has taken.
    var owed = 0
    var taken = 0
    /// When it last took something, or had little to take.
    var progressAt: Instant
    /// When it last took something.
    var takenAt: Instant
    /// Since when it has been at more than half of `hard`.
    var largeSince: Instant?
    /// Its memory is in `stalled`.
    var isStalled = false
  }

  package var limits = Limits()
  private var lagging: [PeerID: Lag] = [:]
  /// The sum of all, in memory, as of the last `left`, `measure` or `forget`.
  package private(set) var total = 0

  package var count: Int { lagging.count }
  /// Sessions with more than `limits.soft` to read.
  package var slowCount: Int { lagging.values.count { $0.bytes > limits.soft.bytes } }
  package var largest: Int { lagging.values.lazy.map(\.bytes).max() ?? 0 }

  /// `count` more bytes wait for this session.
  package mutating func left(_ count: Int, for session: Session, at now: Instant) {
    var lag = lagging[session.id] ?? Lag(session: session, progressAt: now, takenAt: now)
    lag.owed += count
    add(-1, lag)
    (lag.bytes, lag.memory) = (session.backlog, session.backlogMemory)
    add(1, lag)
    lagging[session.id] = lag
  }

  /// It has read everything, or it is gone.
  package mutating func forget(_ id: PeerID) {
    if let lag = lagging.removeValue(forKey: id) { add(-1, lag) }
  }

  private mutating func add(_ sign: Int, _ lag: Lag) {
    total += sign * lag.memory
    if lag.isStalled { stalled += sign * lag.memory }
  }

  /// When this session last took some of its backlog or had little, and when it took some.
  func progress(of id: PeerID) -> (progressAt: Instant, takenAt: Instant)? {
    lagging[id].map { ($0.progressAt, $0.takenAt) }
  }

  /// A session of another process has come with a backlog.
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

  /// A reader that has taken nothing for so long does not hold up public lines, and goes first when
  /// memory is short.
  static let stallTime = Duration.seconds(5)
  /// How long public lines may be held for readers that go on reading.
  static let mostHeldTime = Duration.seconds(10)
  /// What each reader may owe, on average, before lines of those who send much wait.
  static let bulkBytesPerReader = 64 << 10
  static let leastBulkShare = 8 << 20

  /// The sum of those that have taken nothing for `stallTime`, as of the last `measure`.
  private var stalled = 0
  /// A reader that goes on reading has been at more than half of `hard` for less than `softTime`.
  private var hasLargeReader = false
  private var overShareSince: Instant?

  /// All public lines wait while readers that go on reading use more than a quarter: the rest is
  /// for private lines and answers.
  var isOverShare: Bool { total - stalled > limits.total.bytes / 4 }

  /// Which public lines wait until so many readers have caught up. Those of peers that send much
  /// wait long before the others.
  func held(readers: Int) -> PublicLines.Held {
    if isOverShare { return .all }
    let share = min(
      limits.total.bytes / 8, max(Self.leastBulkShare, readers * Self.bulkBytesPerReader))
    return hasLargeReader || total - stalled > share ? .bulk : .nothing
  }

  /// Looks at every lagging session.
  /// - Returns: those that have taken nothing for too long, and those that have held up all public
  ///   lines for too long.
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

  /// The largest backlogs, stalled ones first, that have to go for the sum to be a tenth below its
  /// limit.
  mutating func excess() -> [Session] {
    guard isOverTotal else { return [] }
    recount()
    guard isOverTotal else { return [] }
    let surplus = total - limits.total.bytes / 10 * 9
    // A reader that makes progress is the last to go.
    let gone = largest(surplus, of: lagging.values.filter(\.isStalled))
    return gone + largest(surplus - stalled, of: lagging.values.filter { !$0.isStalled })
  }

  /// The largest of `lags` that hold so much together.
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

  /// Much may have been read since a session was last looked at.
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
