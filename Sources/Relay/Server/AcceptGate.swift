import EventLoop
import Logging
import Units

/// The listeners, and how many connections the process may hold before it runs out of descriptors.
/// A few are kept back, so that the log, /status and the nick file still work when it is full.
package final class AcceptGate {
  /// One warning in this time, however often accepting pauses.
  static let warningInterval = Duration.seconds(60)

  package private(set) var listeners: [Listener] = []
  /// How many connections the process may hold; past it the listeners pause.
  package var limit = Int.max
  /// Whether the listeners pause because the limit is reached.
  package private(set) var isFull = false
  /// How often pending connections had to wait for want of descriptors.
  package private(set) var pauses = 0

  private let loop: EventLoop
  private let log: Logger
  private var lastWarning: Instant?
  /// As of the last `update`.
  private var connectionCount = 0

  init(loop: EventLoop, log: Logger) {
    self.loop = loop
    self.log = log
  }

  package func add(_ listener: Listener) {
    listeners.append(listener)
    listener.onPause = { [unowned self] _ in countPause() }
  }

  /// Stops listening, for good.
  func closeAll() { listeners.removeAll() }

  /// A connection was accepted: pauses when that was the last one.
  func accepted(connections: Int) {
    connectionCount = connections
    guard connections >= limit, !isFull else { return }
    isFull = true
    for listener in listeners { listener.pause() }
    countPause()
  }

  /// Called with each tick: accepts again once there is room.
  func update(connections: Int) {
    connectionCount = connections
    guard isFull, connections < limit else { return }
    isFull = false
    for listener in listeners { listener.resume() }
  }

  private func countPause() {
    pauses += 1
    let now = loop.now
    if let last = lastWarning, now < last + Self.warningInterval { return }
    lastWarning = now
    log.warning(
      "out of descriptors: pending connections wait until peers leave",
      metadata: ["connections": "\(connectionCount)"])
  }
}
