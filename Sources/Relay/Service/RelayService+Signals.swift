import Directory
import EventLoop
import Logging
import Server
import Settings
import Status
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the relay does on each signal: stops, reads its settings anew, reports.
extension RelayService {
  static let handledSignals = [SIGTERM, SIGINT, SIGHUP, SIGUSR1]

  func handleSignals() {
    defer { SignalSource.holdBack(Self.handledSignals, false) }
    signals = [
      SignalSource(SIGTERM, on: loop) { [unowned self] in stop() },
      SignalSource(SIGINT, on: loop) { [unowned self] in stop() },
      SignalSource(SIGHUP, on: loop) { [unowned self] in reload() },
      SignalSource(SIGUSR1, on: loop) { [unowned self] in report() },
    ]
  }

  /// Drains within the grace period and ends. A second signal ends it at once.
  private func stop() {
    guard shutdown == nil else {
      log.warning("stopping at once")
      return loop.stop()
    }
    manager.notify(.stopping)
    if let probe {
      probe.stop()
      // Its other end is closed like any connection.
      let id = node.directory.registry.holder(of: probe.results.nick)
      if let session = id.flatMap({ node.sessions[$0] }) { node.close(session, .peerClosed) }
    }
    if let handover, case .done = handover.leave(node, status: statusEndpoint) {
      isHandedOver = true
      return loop.stopAtOnce()
    }
    log.info("stopping", metadata: ["grace": "\(node.settings.shutdownGrace.seconds)s"])
    shutdown = Shutdown(of: node) { [unowned self] in loop.stop() }
  }

  /// Writes the status report, at any log level, because the operator has asked for it.
  private func report() {
    let report = status.snapshot(showsNicks: true).report(firstNicks: Self.nicksInReport)
    for line in report.lines(firstNicks: Self.nicksInReport) {
      log.log(level: max(.notice, sink.level), "status: \(line)")
    }
  }

  static let nicksInReport = 10

  /// Applies all new settings or none.
  private func reload() {
    manager.notify(.reloading)
    defer { manager.notify(.ready) }
    let reading = reread()
    for warning in reading.warnings { log.warning("\(warning)") }
    guard let new = reading.settings else {
      for fault in reading.faults { log.error("reload: \(fault.forLog)") }
      return log.error("reload: no setting is changed")
    }
    let changes = new.differences(from: node.settings)
    for change in changes {
      let isApplied = change.definition.reload == .applied
      log.notice(
        isApplied ? "reload: applied" : "reload: needs a restart",
        metadata: ["\(change.definition.name)": "\(change.newForLog)"])
    }
    if changes.isEmpty { log.notice("reload: all settings are unchanged") }
    node.apply(node.settings.reloading(new))
    sink.level = node.settings.logLevel
    ProcessLimits.warnIfDescriptorsShort(node.settings, withBudget: node.acceptGate.limit, log: log)
  }
}
