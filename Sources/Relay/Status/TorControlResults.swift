/// The results of `TOR_CONTROL`. The client writes them; metrics use them.
package final class TorControlResults {
  /// Tor answers and has accepted the authentication.
  package var isReady = false
  /// Circuits that Tor has closed for the relay.
  package var closed = 0
  /// Circuits that Tor no longer knew.
  package var unknown = 0
  /// Circuits that Tor refused to close.
  package var refused = 0
  /// Connections to the control port that failed or were closed.
  package var failures = 0

  package init() {}
}
