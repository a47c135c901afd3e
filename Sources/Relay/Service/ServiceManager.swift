import EventLoop

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What systemd gives and wants: listening sockets handed over at start (sd_listen_fds(3)), so that a restart refuses nobody, and word
/// of how it goes (sd_notify(3)). Without systemd nothing here does anything.
struct ServiceManager {
  /// The first descriptor handed over (SD_LISTEN_FDS_START).
  static let firstDescriptor: Int32 = 3

  private let notifySocket: String?
  /// Sockets that listen already.
  package let inherited: [Int32]
  /// How often it wants to hear that the loop goes round; `nil`: not at all.
  let watchdog: Duration?

  package init(environment: [String: String], processID: Int32 = getpid()) {
    notifySocket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    let isForUs = environment["LISTEN_PID"].map { $0 == String(processID) } ?? false
    let count = isForUs ? environment["LISTEN_FDS"].flatMap { Int32($0) } ?? 0 : 0
    inherited = count > 0 ? (0..<count).map { Self.firstDescriptor + $0 } : []
    let isWatched = environment["WATCHDOG_PID"].map { $0 == String(processID) } ?? true
    watchdog = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
      .flatMap { isWatched && $0 > 0 ? .microseconds($0) : nil }
  }

  package enum State: String {
    case ready = "READY=1"
    case reloading = "RELOADING=1"
    case stopping = "STOPPING=1"
    case alive = "WATCHDOG=1"
  }

  /// Lost if nobody listens: the manager's loss, not ours.
  func notify(_ state: State) {
    guard let notifySocket else { return }
    var text = state.rawValue
    if state == .reloading {
      // Type=notify-reload wants to know when it began.
      text += "\nMONOTONIC_USEC=\(Clock.monotonic.nanoseconds / 1_000)"
    }
    SystemCalls.sendDatagram(Array(text.utf8), to: notifySocket)
  }
}
