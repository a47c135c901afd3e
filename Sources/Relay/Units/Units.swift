// The quantities of all modules: a point in time and a number of bytes.

/// A point on a monotonic clock. Only differences between instants have a meaning.
package struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since an arbitrary start.
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
  package static func + (a: Instant, b: Duration) -> Instant {
    Instant(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
  package static func - (a: Instant, b: Instant) -> Duration {
    .nanoseconds(a.nanoseconds - b.nanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds, rounded towards zero. The range is ±292 years.
  package var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }

  /// Seconds with a fraction, for people and JSON.
  package var seconds: Double { Double(nanoseconds) / 1e9 }
}

/// A number of bytes. The type keeps it apart from counts of frames or peers.
package struct ByteCount: Hashable, Comparable, Sendable {
  package var bytes: Int

  package init(_ bytes: Int) { self.bytes = bytes }
  package static func kibibytes(_ n: Int) -> ByteCount { ByteCount(n << 10) }
  package static func mebibytes(_ n: Int) -> ByteCount { ByteCount(n << 20) }

  package static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }
}
