import DequeModule
import Units
import Wire

/// The budget for deliveries of public frames (`FANOUT_RATE_LIMIT`) and the frames that wait for it, in the order in which they came.
package struct DelayedBroadcasts {
  private struct Entry {
    let frame: [UInt8]
    let sender: PeerID
  }

  private var budget = TokenBucket()
  private var queue: Deque<Entry> = []
  /// Bytes of the frames that wait, without terminators.
  package private(set) var bytes = 0

  package var count: Int { queue.count }

  /// Queues a frame.
  /// - Returns: false when there is no room for it; for one there always is.
  mutating func add(_ frame: Frame, from sender: PeerID) -> Bool {
    guard queue.isEmpty || bytes + frame.body.count <= Limits.delayedBytes.bytes else {
      return false
    }
    queue.append(Entry(frame: Array(frame.body) + [13, 10], sender: sender))
    bytes += frame.body.count
    return true
  }

  /// Returns the next frame that the budget has room for, its terminator included. It costs a token per receiver.
  mutating func next(
    receivers: Int, rate: Rate, at now: Instant
  ) -> (frame: [UInt8], sender: PeerID)? {
    guard !queue.isEmpty, budget.take(max(1, receivers), of: rate, at: now) else { return nil }
    let entry = queue.removeFirst()
    bytes -= entry.frame.count - 2
    return (entry.frame, entry.sender)
  }

  /// The rate has changed: what was owed at the old one is not owed at the new one.
  mutating func resetBudget() { budget = TokenBucket() }
}
