import Directory
import Units

/// Probes queued behind bytes that a peer has not read. The time for an answer starts when the
/// probe has left; otherwise a flood at a slow reader would cost it its nick.
///
/// A peer that takes nothing for `silenceLimit` is not waited for any longer: its circuit is most
/// likely dead.
struct ProbeWatch {
  struct Entry {
    /// Bytes that must have left for the probe to have left; `nil` until its turn has been flushed.
    var end: Int?
    var left = 0
    var progressAt: Instant
  }

  static let silenceLimit = Duration.seconds(60)
  /// Fewer bytes than that in the kernel are no backlog: a Unix socket counts its own overhead.
  static let leastUnsent = 4_096

  private var entries: [PeerID: Entry] = [:]

  var isEmpty: Bool { entries.isEmpty }
  var peers: [PeerID] { Array(entries.keys) }

  /// A probe was queued for this peer. One that comes before the last has left keeps what was seen
  /// of its reading.
  mutating func add(_ id: PeerID, at now: Instant) {
    if entries[id] == nil { entries[id] = Entry(progressAt: now) }
    entries[id]?.end = nil
  }

  /// When this peer last took some of what lies before its probe, if one is on its way.
  func progressAt(of id: PeerID) -> Instant? { entries[id]?.progressAt }

  /// A probe of another process is among the bytes that it has left for this peer.
  mutating func restore(_ id: PeerID, progressAt: Instant) {
    entries[id] = Entry(progressAt: progressAt)
  }

  /// The probe was sent ahead of other bytes.
  /// - Parameter end: bytes that must have left for it to have left.
  mutating func noteSent(_ id: PeerID, end: Int) { entries[id]?.end = end }

  /// The turn in which probes were queued has been flushed.
  /// - Parameter handed: bytes that this peer's connection was ever given.
  mutating func noteFlush(handed: (PeerID) -> Int?) {
    for (id, entry) in entries where entry.end == nil {
      if let count = handed(id) { entries[id]?.end = count } else { entries[id] = nil }
    }
  }

  /// What is known of a peer: bytes its connection was given, and those of them that have not left.
  struct Figures {
    let handed: Int
    let unsent: Int
  }

  /// Returns the peers whose time starts anew: the probe has just left, or they are still reading
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
