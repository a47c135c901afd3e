import CLibevent

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The three standard descriptors.
///
/// Safe: open(2) takes the path for the length of the call.
package enum StandardDescriptors {
  /// Opens /dev/null for each standard descriptor that is closed. Otherwise the next socket would
  /// become standard error, and log lines would be sent to a peer. Call it before anything else is
  /// opened. Without /dev/null the process ends with 71 (EX_OSERR).
  package static func fill() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number: those below it are open.
      guard unsafe open("/dev/null", O_RDWR) == descriptor else { exit(71) }
    }
  }

  /// Lets a write to a log that is gone (a closed pipe) or at its limit (`RLIMIT_FSIZE`) fail
  /// without ending the process. Call it before anything is logged.
  package static func ignoreWriteSignals() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }
}
