import EventLoop
import Logging
import Settings

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What the process takes from and gives up to the system before it touches the network.
enum ProcessLimits {
  /// Descriptors that are not peers: three standard streams, about four of the loop, three
  /// listeners, eight status connections, the probe's two ends, two for the log and files, two to
  /// spare.
  static let reservedDescriptors = 24

  /// - Returns: how many connections the process may hold.
  static func harden(_ settings: Settings, log: Logger) throws(StartFault) -> Int {
    guard geteuid() != 0 || settings.allowRoot else {
      throw .setting(
        "ALLOW_ROOT: false, and this is root: run as another user, or set ALLOW_ROOT=true")
    }
    umask(0o077)
    ProcessCalls.forbidDumps()
    let budget = max(1, ProcessCalls.raiseDescriptorLimit() - reservedDescriptors)
    warnIfDescriptorsShort(settings, withBudget: budget, log: log)
    return budget
  }

  /// Warns when there may be more connections than descriptors for them.
  static func warnIfDescriptorsShort(_ settings: Settings, withBudget budget: Int, log: Logger) {
    let wanted = settings.maxPeers + settings.maxPending
    guard budget < wanted else { return }
    log.warning(
      "fewer descriptors than MAX_PEERS and MAX_PENDING may need",
      metadata: [
        "descriptors": "\(budget + reservedDescriptors)",
        "needed": "\(wanted + reservedDescriptors)",
      ])
  }
}
