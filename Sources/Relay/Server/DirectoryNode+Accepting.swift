import Directory
import EventLoop
import Settings
import Units

/// The doors and how many may come in before the process runs out of descriptors. A few are kept back, so that the log,
/// /status and the nick file still work when it is full.
extension DirectoryNode {
  /// One warning in this time, however often accepting pauses.
  static let descriptorWarningInterval = Duration.seconds(60)

  package func add(_ listener: Listener) {
    listeners.append(listener)
    listener.onPause = { [unowned self] _ in warnOfDescriptors() }
  }

  func pauseAccepting() {
    guard !isFullOfDescriptors else { return }
    isFullOfDescriptors = true
    for listener in listeners { listener.pause() }
    warnOfDescriptors()
  }

  func resumeAccepting() {
    isFullOfDescriptors = false
    for listener in listeners { listener.resume() }
  }

  private func warnOfDescriptors() {
    acceptPauses += 1
    let now = loop.now
    if let last = lastDescriptorWarning, now < last + Self.descriptorWarningInterval { return }
    lastDescriptorWarning = now
    log.warning(
      "out of descriptors: newcomers wait until peers leave",
      metadata: ["connections": "\(connectionCount)"])
  }

  /// New limits and texts, at once.
  package func apply(_ settings: Settings) {
    self.settings = settings
    directory.limits = Limits(settings)
    directory.identity.motd = settings.fullMotd
    backlogs.limits = Backlogs.Limits(settings)
  }
}
