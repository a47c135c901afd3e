import EventLoop
import Logging
import Units

/// The listeners, and the number of connections for which the process has descriptors. Some
/// descriptors are reserved, so that the log, /status and the nick file still work when it is full.
package final class AcceptGate {
  /// The shortest time between two warnings that accepting pauses.
  static let warningInterval = Duration.seconds(60)

  package private(set) var listeners: [Listener] = []
  /// The largest number of connections. The listeners pause when it is reached.
  package var limit = Int.max
  /// Whether the listeners pause because the limit is reached.
  package private(set) var isFull = false
  /// The number of times that connections had to wait for descriptors.
  package private(set) var pauses = 0

  private let loop: EventLoop
  private let log: Logger
  private var lastWarning: Instant?
  /// Updated by `update`.
  private var connectionCount = 0

  init(loop: EventLoop, log: Logger) {
    self.loop = loop
    self.log = log
  }

  package func add(_ listener: Listener) {
    listeners.append(listener)
    listener.onPause = { [unowned self] _ in countPause() }
  }

  /// Closes the listeners.
  func closeAll() { listeners.removeAll() }

  /// Counts an accepted connection. Pauses the listeners if it was the last possible one.
  func accepted(connections: Int) {
    connectionCount = connections
    guard connections >= limit, !isFull else { return }
    isFull = true
    for listener in listeners { listener.pause() }
    countPause()
  }

  /// Resumes the listeners when there is room. Called at each tick.
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
