import Directory
import EventLoop
import Server
import Units

/// Whether the relay would serve a peer now, and the reasons if not (promises.md, "Always come
/// back").
package struct Health: Equatable {
  /// The reasons to be unhealthy. Empty means healthy.
  package enum Fault: String, Equatable, CaseIterable {
    case stopping
    /// The loop's tick came more than `HealthLimits.stall` late.
    case stalled = "loop_stalled"
    /// No listener accepts.
    case notListening = "not_listening"
    /// The probe through its own listeners has not succeeded recently.
    case probeFailed = "self_probe_failed"
  }

  package var faults: [Fault]
  /// `MAX_PEERS` or `MAX_PENDING` is reached, or the process has no more descriptors. A full relay
  /// is healthy: a restart would not help.
  package var isFull: Bool

  var isHealthy: Bool { faults.isEmpty }

  package var json: String {
    var text = "{\"status\": \"\(isHealthy ? "healthy" : "unhealthy")\""
    if isFull { text += ", \"full\": true" }
    if !faults.isEmpty {
      text += ", \"reasons\": [" + faults.map { "\"\($0.rawValue)\"" }.joined(separator: ", ") + "]"
    }
    return text + "}"
  }

  /// A tick later than this means that peers wait (promises.md).
  static let stall = Duration.seconds(5)
}

extension RelayStatus {
  package var health: Health {
    var faults: [Health.Fault] = []
    let directory = node.directory
    let loop = node.loop
    if directory.isStopping { faults.append(.stopping) }
    if node.acceptGate.listeners.isEmpty, !directory.isStopping { faults.append(.notListening) }
    if node.lag.last > Health.stall || loop.systemNow - node.lag.due > Health.stall {
      faults.append(.stalled)
    }
    // A full relay refuses the probe too.
    if let probe, !directory.isStopping, !isFull, !probe.isFresh(at: loop.now) {
      faults.append(.probeFailed)
    }
    return Health(faults: faults, isFull: isFull)
  }

  /// Whether new connections have to wait until others leave.
  private var isFull: Bool {
    let directory = node.directory
    return directory.registry.peerCount >= directory.limits.peers
      || directory.registry.pendingCount >= directory.limits.pending || node.acceptGate.isFull
  }

  package func snapshot(showsNicks: Bool) -> StatusSnapshot {
    StatusSnapshot(
      of: node.directory, uptime: node.loop.systemNow - node.startedAt, showsNicks: showsNicks,
      except: probe?.nick)
  }
}
