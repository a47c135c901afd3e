import Units
import Wire

/// A claim of a pending connection to a nick that another peer holds (protocol.md §3.1).
package struct NickTakeover: Equatable {
  package let claimant: PeerID
  package let holder: PeerID
  /// The holder loses the nick if it has sent nothing until then.
  package internal(set) var deadline: Instant
}

/// The takeovers under way, at most one a nick, and when the last one of each nick began.
package struct NickTakeovers {
  /// How a takeover ends when one of the two leaves.
  enum Ending: Equatable {
    case holderLeft(claimant: PeerID)
    case claimantLeft(holder: PeerID)
  }

  private var active: [Nick: NickTakeover] = [:]
  private var lastStart: [Nick: Instant] = [:]

  /// Returns whether a takeover of `nick` may begin: none is under way and none began within
  /// `interval`.
  func mayStart(_ nick: Nick, at now: Instant, interval: Duration) -> Bool {
    guard active[nick] == nil else { return false }
    return lastStart[nick].map { $0 + interval <= now } ?? true
  }

  /// Records a takeover. The caller has asked `mayStart`.
  mutating func start(_ takeover: NickTakeover, of nick: Nick, at now: Instant) {
    precondition(active[nick] == nil, "a nick has one takeover at a time")
    active[nick] = takeover
    lastStart[nick] = now
  }

  /// Gives the holder until `deadline`.
  mutating func postpone(_ nick: Nick, to deadline: Instant) { active[nick]?.deadline = deadline }

  /// When the last takeover of each nick began.
  var starts: [Nick: Instant] { lastStart }

  /// Restores a takeover of another process.
  mutating func restore(_ takeover: NickTakeover, of nick: Nick) { active[nick] = takeover }
  mutating func restore(start: Instant, of nick: Nick) { lastStart[nick] = start }

  /// The takeovers under way.
  var all: [Nick: NickTakeover] { active }

  /// Ends the takeover of `nick` and returns it; `nil` if there is none.
  mutating func end(_ nick: Nick) -> NickTakeover? { active.removeValue(forKey: nick) }

  /// Ends the takeover of `nick` if `id`, which has left, was one of the two.
  mutating func end(_ nick: Nick, afterLeaving id: PeerID) -> Ending? {
    guard let takeover = active[nick] else { return nil }
    let ending: Ending
    if takeover.holder == id {
      ending = .holderLeft(claimant: takeover.claimant)
    } else if takeover.claimant == id {
      ending = .claimantLeft(holder: takeover.holder)
    } else {
      return nil
    }
    active[nick] = nil
    return ending
  }

  /// Returns the takeovers whose deadline has passed, the earliest first. They stay until the
  /// holder is closed.
  func due(at now: Instant) -> [NickTakeover] {
    guard !active.isEmpty else { return [] }
    return active.values.filter { $0.deadline <= now }.sorted {
      ($0.deadline, $0.claimant.slot) < ($1.deadline, $1.claimant.slot)
    }
  }

  /// Forgets start times that no longer delay a takeover.
  mutating func forgetStarts(at now: Instant, interval: Duration) {
    guard !lastStart.isEmpty else { return }
    lastStart = lastStart.filter { now < $0.value + interval }
  }

  // MARK: For the tests

  package var count: Int { active.count }
  package var isEmpty: Bool { active.isEmpty && lastStart.isEmpty }
  package subscript(nick: Nick) -> NickTakeover? { active[nick] }
}
