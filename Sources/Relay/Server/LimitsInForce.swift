import Directory
import Units

/// The limits that take effect now, and since when: kinds, never nicks.
package struct LimitsInForce {
  package enum Kind: String, CaseIterable, Sendable {
    /// The fan-out budget is below its ceiling: the loop is late, or backlogs are large.
    case fanoutNarrowed = "fanout_narrowed"
    /// Public lines wait until readers have caught up.
    case publicLinesHeld = "public_lines_held"
    /// Public lines wait for the fan-out budget.
    case publicLinesWait = "public_lines_wait"
    /// Requests for the order book wait for ORDERBOOK_TOTAL_LIMIT or for the fan-out budget.
    case requestsWait = "requests_wait"
    /// Circuits have used up their budgets.
    case circuits
    /// New connections displace others at MAX_PEERS or MAX_PENDING.
    case evictions
  }

  /// A limit that did not take effect for so long is no longer in force.
  static let quietTime = Duration.seconds(30)

  private struct Span {
    let start: Instant
    var last: Instant
  }

  private var spans: [Kind: Span] = [:]
  private var refusals = 0
  private var evictions = 0

  /// A change since the last call.
  struct Change: Equatable {
    let kind: Kind
    /// The time for which it was in force; `nil` at its beginning.
    let ended: Duration?
  }

  package func isInForce(_ kind: Kind) -> Bool { spans[kind] != nil }

  /// The beginning of each limit in force, in the order of the kinds.
  package var all: [(kind: Kind, start: Instant)] {
    Kind.allCases.compactMap { kind in spans[kind].map { (kind, $0.start) } }
  }

  /// Updates the limits. Called at every tick.
  mutating func update(_ directory: Directory, at now: Instant) -> [Change] {
    let lines = directory.publicLines
    let seen = directory.circuitRefusals
    let gone = directory.counters.closed[.evicted]
    defer { (refusals, evictions) = (seen, gone) }
    return update(
      [
        .fanoutNarrowed: lines.budget.share < 1, .publicLinesHeld: lines.held != .nothing,
        .publicLinesWait: lines.waitingLines > 0, .requestsWait: lines.waitingRequests > 0,
        .circuits: seen > refusals, .evictions: gone > evictions,
      ], at: now)
  }

  mutating func update(_ isActive: [Kind: Bool], at now: Instant) -> [Change] {
    var changes: [Change] = []
    for kind in Kind.allCases {
      if isActive[kind] == true {
        if spans[kind] == nil {
          spans[kind] = Span(start: now, last: now)
          changes.append(Change(kind: kind, ended: nil))
        }
        spans[kind]?.last = now
      } else if let span = spans[kind], span.last + Self.quietTime <= now {
        spans[kind] = nil
        changes.append(Change(kind: kind, ended: span.last - span.start))
      }
    }
    return changes
  }
}
