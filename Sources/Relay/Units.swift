/// The quantities every room speaks in: a point in time and a number of bytes.

/// A point on a clock that never goes back. Only differences mean anything.
public struct Instant: Hashable, Comparable, Sendable {
  /// Nanoseconds since an arbitrary start.
  public var nanoseconds: Int64

  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
  public static func + (a: Instant, b: Duration) -> Instant {
    Instant(nanoseconds: a.nanoseconds + b.nanoseconds)
  }
  public static func - (a: Instant, b: Instant) -> Duration {
    .nanoseconds(a.nanoseconds - b.nanoseconds)
  }
}

extension Duration {
  /// Whole nanoseconds; what lies below one is cut off. Good for ±292 years.
  public var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }

  /// Seconds with their fraction, for people and JSON.
  public var seconds: Double { Double(nanoseconds) / 1e9 }
}

/// A number of bytes, so that it is never taken for a count of frames or peers.
public struct ByteCount: Hashable, Comparable, Sendable {
  public var bytes: Int

  public init(_ bytes: Int) { self.bytes = bytes }
  public static func kibibytes(_ n: Int) -> ByteCount { ByteCount(n << 10) }
  public static func mebibytes(_ n: Int) -> ByteCount { ByteCount(n << 20) }

  public static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }
}
