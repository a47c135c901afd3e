import Directory
import EventLoop
import Units

/// What peers have not read yet, in true bytes, and when it is too much (promises.md, "Never lose,
/// never stall").
///
/// Only sessions that lag behind have an entry, so a broadcast to readers that keep up costs
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
    var bytes: Int
    /// Everything that was ever left over for it; minus `bytes`, what it has taken.
    var owed: Int
    var taken = 0
    /// When it last took something, or had little to take.
    var progressAt: Instant
    /// When it last took something.
    var takenAt: Instant
    /// Its bytes are in `stalled`.
    var isStalled = false
  }

  package var limits = Limits()
  private var lagging: [PeerID: Lag] = [:]
  /// The sum of all, as of the last `left`, `measure` or `forget`.
  package private(set) var total = 0

  package var count: Int { lagging.count }
  /// Sessions with more than `limits.soft` to read.
  package var slowCount: Int { lagging.values.count { $0.bytes > limits.soft.bytes } }
  package var largest: Int { lagging.values.lazy.map(\.bytes).max() ?? 0 }

  /// `count` more bytes wait for this session.
  package mutating func left(_ count: Int, for session: Session, at now: Instant) {
    let bytes = session.backlog
    var lag =
      lagging[session.id]
      ?? Lag(session: session, bytes: 0, owed: 0, progressAt: now, takenAt: now)
    lag.owed += count
    total += bytes - lag.bytes
    if lag.isStalled { stalled += bytes - lag.bytes }
    lag.bytes = bytes
    lagging[session.id] = lag
  }

  /// It has read everything, or it is gone.
  package mutating func forget(_ id: PeerID) {
    guard let lag = lagging.removeValue(forKey: id) else { return }
    total -= lag.bytes
    if lag.isStalled { stalled -= lag.bytes }
  }

  /// When this session last took some of its backlog or had little, and when it took some.
  func progress(of id: PeerID) -> (progressAt: Instant, takenAt: Instant)? {
    lagging[id].map { ($0.progressAt, $0.takenAt) }
  }

  /// A session of another process has come with a backlog.
  mutating func restore(_ session: Session, progressAt: Instant, takenAt: Instant) {
    let bytes = session.backlog
    guard bytes > 0 else { return }
    lagging[session.id] = Lag(
      session: session, bytes: bytes, owed: bytes, progressAt: progressAt, takenAt: takenAt)
    total += bytes
  }

  func isOverHardLimit(_ session: Session) -> Bool { session.backlog > limits.hard.bytes }

  /// Public lines wait while readers that go on reading use more than a quarter: the rest is for
  /// private lines and answers.
  var isOverShare: Bool { total - stalled > limits.total.bytes / 4 }

  var isOverTotal: Bool { total > limits.total.bytes }

  /// A reader that has taken nothing for so long does not hold up public lines, and goes first when
  /// memory is short.
  static let stallTime = Duration.seconds(5)

  /// The sum of those that have taken nothing for `stallTime`, as of the last `measure`.
  private var stalled = 0

  /// Looks at every lagging session.
  /// - Returns: those that have taken nothing for too long.
  mutating func measure(at now: Instant) -> [Session] {
    var frozen: [Session] = []
    total = 0
    stalled = 0
    for id in Array(lagging.keys) {
      guard var lag = lagging[id] else { continue }
      lag.bytes = lag.session.backlog
      total += lag.bytes
      if lag.owed - lag.bytes > lag.taken {
        lag.taken = lag.owed - lag.bytes
        lag.progressAt = now
        lag.takenAt = now
      }
      lag.isStalled = lag.takenAt + Self.stallTime <= now
      if lag.isStalled { stalled += lag.bytes }
      if lag.bytes <= limits.soft.bytes { lag.progressAt = now }
      lagging[id] = lag
      if lag.bytes > limits.soft.bytes, lag.progressAt + limits.softTime <= now {
        frozen.append(lag.session)
      }
    }
    return frozen
  }

  /// The largest backlogs, stalled ones first, that have to go for the sum to be a tenth below its
  /// limit.
  mutating func excess() -> [Session] {
    guard isOverTotal else { return [] }
    recount()
    guard isOverTotal else { return [] }
    var surplus = total - limits.total.bytes / 10 * 9
    var victims: [Session] = []
    // A reader that makes progress is the last to go.
    for lag in lagging.values.sorted(by: { a, b in
      if a.isStalled != b.isStalled { return a.isStalled }
      return (a.bytes, a.session.id.slot) > (b.bytes, b.session.id.slot)
    })
    where surplus > 0 {
      victims.append(lag.session)
      surplus -= lag.bytes
    }
    return victims
  }

  /// Much may have been read since a session was last looked at.
  private mutating func recount() {
    total = 0
    stalled = 0
    for id in Array(lagging.keys) {
      let bytes = lagging[id]?.session.backlog ?? 0
      lagging[id]?.bytes = bytes
      total += bytes
      if lagging[id]?.isStalled == true { stalled += bytes }
    }
  }
}
