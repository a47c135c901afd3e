import Units
import Wire

/// The results of the relay's own probe at each listener. `SelfProbe` writes them; /health uses
/// them.
package final class ProbeResults {
  /// The largest age of a success with which the relay counts as healthy.
  package static let validity = Duration.seconds(30)

  private struct Listener {
    var lastSuccess: Instant?
    var hasFailed = false
  }

  /// The nick of the probe, which the status does not show.
  package let nick: Nick
  private var listeners: [Listener]

  package init(nick: Nick, listenerCount: Int) {
    self.nick = nick
    listeners = Array(repeating: Listener(), count: listenerCount)
  }

  package func succeed(_ listener: Int, at now: Instant) { listeners[listener].lastSuccess = now }

  package func fail(_ listener: Int) { listeners[listener].hasFailed = true }

  /// Whether this listener served a recent probe (`isFresh` for one listener).
  package func isFresh(_ listener: Int, at now: Instant) -> Bool {
    guard listener < listeners.count else { return true }
    let state = listeners[listener]
    guard let last = state.lastSuccess else { return !state.hasFailed }
    return now - last <= Self.validity
  }

  /// The oldest of the listeners' last successes. `nil` before the first success.
  package var lastSuccess: Instant? { listeners.compactMap(\.lastSuccess).min() }

  /// Whether a listener has failed and never served before.
  package var hasFailed: Bool { listeners.contains { $0.hasFailed && $0.lastSuccess == nil } }

  /// Whether all listeners served a recent probe. True before the first probe has ended.
  package func isFresh(at now: Instant) -> Bool {
    !hasFailed && lastSuccess.map { now - $0 <= Self.validity } ?? true
  }
}
