import Units
import Wire

/// Circuits whose budgets stay exhausted: candidates for `CLOSECIRCUIT` (`TOR_CONTROL`).
///
/// Watches circuits of one listener only, because there is one control port, and at most `capacity`
/// of them. Further circuits are not watched while it is full.
package struct ExhaustedCircuits {
  /// A circuit without a refusal for this time counts as recovered.
  static let pause = Duration.seconds(10)
  static let capacity = 1_024

  private struct Span {
    let start: Instant
    var last: Instant
  }

  private var spans: [CircuitID: Span] = [:]
  /// The listener whose circuits are watched. `nil`: none is.
  package var listener: UInt16? { didSet { forgetAll() } }

  package init() {}

  var count: Int { spans.count }

  /// Records that a budget of this circuit has refused something.
  mutating func note(_ circuit: CircuitID, at now: Instant) {
    guard let listener, circuit.listener == listener else { return }
    if let span = spans[circuit], now < span.last + Self.pause {
      spans[circuit]?.last = now
      return
    }
    if spans.count >= Self.capacity { forgetEnded(at: now) }
    guard spans.count < Self.capacity else { return }
    spans[circuit] = Span(start: now, last: now)
  }

  /// Returns and forgets up to `limit` circuits that have been exhausted for `time`, the longest
  /// first. A circuit that stays exhausted is returned again after `time`.
  mutating func take(_ limit: Int, after time: Duration, at now: Instant) -> [CircuitID] {
    guard !spans.isEmpty, limit > 0 else { return [] }
    forgetEnded(at: now)
    let due = spans.filter { $0.value.start + time <= $0.value.last }
      .sorted { ($0.value.start, $0.key.value) < ($1.value.start, $1.key.value) }
      .prefix(limit).map(\.key)
    for circuit in due { spans[circuit] = nil }
    return due
  }

  /// Forgets all: another Tor process may use the same numbers.
  package mutating func forgetAll() { spans = [:] }

  private mutating func forgetEnded(at now: Instant) {
    spans = spans.filter { now < $0.value.last + Self.pause }
  }
}

extension Directory {
  /// The circuits that `TOR_CONTROL` watches.
  package var exhaustedCircuits: ExhaustedCircuits {
    get { circuits.exhausted }
    set { circuits.exhausted = newValue }
  }

  /// Returns up to `limit` circuits that are still connected and whose budgets have been exhausted
  /// for `time`.
  package func takeExhaustedCircuits(
    _ limit: Int, after time: Duration, at now: Instant
  ) -> [CircuitID] {
    circuits.exhausted.take(limit, after: time, at: now)
      .filter { registry.connections(of: $0) > 0 }
  }
}
