/// What has come of `TOR_CONTROL`. The client writes it; metrics are made from it.
package final class TorControlResults {
  /// Tor answers and has let the relay in.
  package var isReady = false
  /// Circuits that Tor has closed for the relay.
  package var closed = 0
  /// Circuits that Tor did not know any more.
  package var unknown = 0
  /// Circuits that Tor would not close.
  package var refused = 0
  /// Connections to the control port that failed or ended.
  package var failures = 0

  package init() {}
}
