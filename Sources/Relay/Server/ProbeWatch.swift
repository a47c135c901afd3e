import Directory
import Units

/// Watches probes that are queued behind unread bytes. The time for an answer starts when the probe
/// has left; otherwise a slow reader could lose its nick to a flood.
///
/// A peer that reads nothing for `silenceLimit` gets no more time: its circuit is most likely dead.
struct ProbeWatch {
  struct Entry {
    /// The number of sent bytes at which the probe has left; `nil` until its turn was flushed.
    var end: Int?
    var left = 0
    var progressAt: Instant
  }

  static let silenceLimit = Duration.seconds(60)
  /// Fewer bytes in the kernel do not count as unread: a Unix socket counts its overhead too.
  static let leastUnsent = 4_096

  private var entries: [PeerID: Entry] = [:]

  var isEmpty: Bool { entries.isEmpty }
  var peers: [PeerID] { Array(entries.keys) }

  /// Watches a probe that was queued for this peer. If an earlier one has not left yet, its
  /// progress is kept.
  mutating func add(_ id: PeerID, at now: Instant) {
    if entries[id] == nil { entries[id] = Entry(progressAt: now) }
    entries[id]?.end = nil
  }

  /// Returns when this peer last read some of the bytes before its probe, if a probe is watched.
  func progressAt(of id: PeerID) -> Instant? { entries[id]?.progressAt }

  /// Watches a probe in the backlog that another process has handed over.
  mutating func restore(_ id: PeerID, progressAt: Instant) {
    entries[id] = Entry(progressAt: progressAt)
  }

  /// Watches a probe that was sent before other bytes.
  /// - Parameter end: the number of sent bytes at which it has left.
  mutating func noteSent(_ id: PeerID, end: Int) { entries[id]?.end = end }

  /// Records the positions of probes whose turn was flushed.
  /// - Parameter handed: returns all bytes that were ever given to a peer's connection.
  mutating func noteFlush(handed: (PeerID) -> Int?) {
    for (id, entry) in entries where entry.end == nil {
      if let count = handed(id) { entries[id]?.end = count } else { entries[id] = nil }
    }
  }

  /// The figures of a peer: the bytes given to its connection, and those that have not left yet.
  struct Figures {
    let handed: Int
    let unsent: Int
  }

  /// Returns the peers whose time restarts: their probe has just left, or they are still reading
  /// towards it.
  mutating func look(at now: Instant, figures: (PeerID) -> Figures?) -> [PeerID] {
    var waiting: [PeerID] = []
    for (id, old) in entries {
      guard let figures = figures(id), let end = old.end else {
        entries[id] = nil
        continue
      }
      var entry = old
      let unsent = figures.unsent < Self.leastUnsent ? 0 : figures.unsent
      let left = figures.handed - unsent
      if left > entry.left || entry.left == 0 {
        if entry.left > 0 { entry.progressAt = now }
        entry.left = left
      }
      if left >= end {
        waiting.append(id)
        entries[id] = nil
        continue
      }
      entries[id] = entry
      if now < entry.progressAt + Self.silenceLimit { waiting.append(id) }
    }
    return waiting
  }
}
