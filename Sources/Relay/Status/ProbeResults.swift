import Units
import Wire

/// What the relay's own probe has found at each listener. `SelfProbe` writes it; /health is made
/// from it.
package final class ProbeResults {
  /// How old a success may be for the relay to count as healthy.
  package static let validity = Duration.seconds(30)

  private struct Listener {
    var lastSuccess: Instant?
    var hasFailed = false
  }

  /// The nick of the probe; the status leaves it out.
  package let nick: Nick
  private var listeners: [Listener]

  package init(nick: Nick, listenerCount: Int) {
    self.nick = nick
    listeners = Array(repeating: Listener(), count: listenerCount)
  }

  package func succeed(_ listener: Int, at now: Instant) { listeners[listener].lastSuccess = now }

  package func fail(_ listener: Int) { listeners[listener].hasFailed = true }

  /// Whether this listener served the last probe, as `isFresh` has it for all.
  package func isFresh(_ listener: Int, at now: Instant) -> Bool {
    guard listener < listeners.count else { return true }
    let state = listeners[listener]
    guard let last = state.lastSuccess else { return !state.hasFailed }
    return now - last <= Self.validity
  }

  /// The oldest of the listeners' last successes. `nil` before the first success.
  package var lastSuccess: Instant? { listeners.compactMap(\.lastSuccess).min() }

  /// Whether a listener has failed that never served.
  package var hasFailed: Bool { listeners.contains { $0.hasFailed && $0.lastSuccess == nil } }

  /// Whether a peer would be served, as far as this can tell. True before the first probe has
  /// ended.
  package func isFresh(at now: Instant) -> Bool {
    !hasFailed && lastSuccess.map { now - $0 <= Self.validity } ?? true
  }
}
