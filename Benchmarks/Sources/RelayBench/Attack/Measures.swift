#if os(Linux)
  /// The measurements at the honest peers of one run.
  struct Measures: Sendable {
    /// Lines of one kind between honest peers.
    struct Flow: Sendable {
      /// The number of arrivals that were due: one for each connected receiver of a line.
      var owed = 0
      var arrivals = 0
      /// Nanoseconds from writing to reading.
      var latencies: [Int64] = []

      var lost: Int { max(0, owed - arrivals) }

      mutating func arrived(_ nanoseconds: Int64? = nil) {
        arrivals += 1
        if let nanoseconds { latencies.append(nanoseconds) }
      }

      func milliseconds(_ part: Double) -> Double { Measures.milliseconds(part, of: latencies) }
    }

    static func milliseconds(_ part: Double, of latencies: [Int64]) -> Double {
      Double(Spread.percentile(part, of: latencies)) / 1e6
    }

    var `public` = Flow()
    /// Latencies of the public lines of established makers, and of makers that were strangers.
    var establishedPublic: [Int64] = []
    var freshPublic: [Int64] = []
    var `private` = Flow()
    /// Lines that arrived twice or in the wrong order.
    var wrong = 0
    /// Honest peers that the relay closed.
    var closed = 0
    var victimsClosed = 0
    /// Connections of joiners that the relay refused.
    var refusals = 0
    /// `!orderbook` lines that all makers together got, from any peer.
    var orderbooks = 0
    /// The number of `!orderbook` of honest takers, and for each complete order book the seconds
    /// until it was complete.
    var asked = 0
    var books: [Double] = []

    mutating func noteWrong() { wrong += 1 }
  }

  /// A schedule of events: `rate` times a second, from `start` on.
  struct Schedule {
    private let start: Int64
    private let interval: Int64
    private(set) var count = 0

    init(start: Int64, perSecond rate: Double) {
      self.start = start
      interval = Int64(1e9 / rate)
    }

    /// Returns whether the next event is due, and counts it if so.
    mutating func isDue(at now: Int64) -> Bool {
      guard now >= start + Int64(count) * interval else { return false }
      count += 1
      return true
    }
  }
#endif
