import DequeModule
import StateImage
import Units

/// The position of the sweep, and the unanswered probes (protocol.md §7).
///
/// The sweep checks all slots once in its interval, a slice at each tick, so that probes and
/// evictions are spread over time.
package struct Heartbeat {
  struct Probe: Equatable {
    let peer: PeerID
    let sentAt: Instant
  }

  private var lastTick: Instant
  private var cursor = 0
  /// The number of slots that are due and not checked yet.
  private var owed: Double = 0
  /// In the order in which they were sent. All have the same timeout, so the first one is due
  /// first.
  private var probes: Deque<Probe> = []
  /// When peers with a probe last read some of the bytes before the probe.
  private var readings: [PeerID: Instant] = [:]

  package init(at now: Instant) { lastTick = now }

  /// Adds the slots that became due since the last call: all slots once in `interval`.
  mutating func advance(to now: Instant, slots: Int, interval: Duration) {
    let elapsed = now - lastTick
    lastTick = now
    owed += Double(slots) * min(1, elapsed.seconds / interval.seconds)
  }

  /// Returns the next slot to check, or `nil` when none is due.
  mutating func nextSlot(of count: Int) -> Int? {
    guard owed >= 1, count > 0 else { return nil }
    owed -= 1
    if cursor >= count { cursor = 0 }
    defer { cursor += 1 }
    return cursor
  }

  mutating func noteProbe(of id: PeerID, at now: Instant) {
    probes.append(Probe(peer: id, sentAt: now))
  }

  mutating func noteReading(of id: PeerID, at now: Instant) { readings[id] = now }

  /// Returns when this peer was last seen reading, and forgets it.
  mutating func takeReading(of id: PeerID) -> Instant? { readings.removeValue(forKey: id) }

  /// Returns the oldest probe that was sent `wait` ago or longer, and forgets it.
  mutating func popExpiredProbe(at now: Instant, after wait: Duration) -> Probe? {
    guard let probe = probes.first, probe.sentAt + wait <= now else { return nil }
    return probes.removeFirst()
  }

  // MARK: A restart

  func readingAt(of id: PeerID) -> Instant? { readings[id] }

  var state: SweepImage {
    SweepImage(lastTick: lastTick, slot: UInt32(cursor), owed: UInt64(owed * 1e6))
  }

  /// Continues the sweep of another process. Its probes follow through `noteProbe`, in their order.
  mutating func restore(_ image: SweepImage, at now: Instant, slots: Int) {
    lastTick = min(image.lastTick, now)
    cursor = Int(image.slot)
    owed = min(Double(image.owed) / 1e6, Double(slots))
  }

  // MARK: For the tests

  package var hasProbes: Bool { !probes.isEmpty || !readings.isEmpty }
  /// When the latest probe of this peer was sent.
  package func probeSentAt(to id: PeerID) -> Instant? { probes.last { $0.peer == id }?.sentAt }
  package var oldestProbe: Instant? { probes.first?.sentAt }
}
