import EventLoop
import Logging
import Settings

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sets the limits of the process before it uses the network.
enum ProcessLimits {
  /// Descriptors that are not peers: three standard streams, about four of the loop, three
  /// listeners, eight status connections, the probe's two ends, two for the log and files, two
  /// spare ones.
  static let reservedDescriptors = 24

  /// - Returns: the largest number of connections of the process.
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

  /// Warns when the limits allow more connections than there are descriptors.
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
