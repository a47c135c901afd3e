import Directory
import EventLoop
import Server
import Settings
import Units

/// Stops the relay (promises.md, "Always come back"): admits no peer, flushes the backlogs of
/// active readers, then closes the connections in steps, so that ten thousand peers do not
/// reconnect at once.
final class Shutdown {
  private let node: DirectoryNode
  private let done: () -> Void
  private let deadline: Instant
  private let flushUntil: Instant
  private var timer: Timer?
  private var slice = 0

  package static let step = Duration.milliseconds(50)
  /// The largest number of steps; a short grace period allows fewer.
  static let steps = 20
  static let smallestSlice = 64

  package init(of node: DirectoryNode, done: @escaping () -> Void) {
    self.node = node
    self.done = done
    let now = node.loop.now
    deadline = now + node.settings.shutdownGrace
    // The rest of the grace period is for closing.
    flushUntil = now + node.settings.shutdownGrace / 2
    node.refusePending()
    timer = Timer(on: node.loop) { [unowned self] in advance() }
    timer?.scheduleRepeating(every: Self.step)
  }

  private func advance() {
    let now = node.loop.now
    if now >= deadline { return finish() }
    if slice == 0 {
      guard node.hasNothingToSend || now >= flushUntil else { return }
      slice = max(Self.smallestSlice, node.sessions.slotCount / Self.steps)
    }
    node.closeSome(slice, .shutdown)
    if node.connectionCount == 0 { finish() }
  }

  private func finish() {
    timer?.cancel()
    done()
  }
}
