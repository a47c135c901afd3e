import EventLoop
import Logging
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The interface to systemd: listening sockets passed at the start (sd_listen_fds(3)), so that a
/// restart refuses no connection, and notifications (sd_notify(3)). Without systemd it does
/// nothing.
struct ServiceManager {
  /// The first passed descriptor (SD_LISTEN_FDS_START).
  static let firstDescriptor: Int32 = 3

  private let notifySocket: String?
  /// The numbers of the passed listening sockets. Nobody owns them yet; a listener adopts its
  /// socket.
  let inherited: [Int32]
  /// Whether the unit has a descriptor store (`FDSTORE`, systemd 254).
  let offersStore: Bool
  /// systemd's descriptor store with its content; nil without systemd.
  let store: SystemdStore?
  /// The watchdog interval; `nil`: no watchdog.
  let watchdog: Duration?

  /// - Throws: when a variable for this process is invalid.
  init(environment: [String: String], processID: Int32 = getpid()) throws(StartFault) {
    notifySocket = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
    let names = (environment["LISTEN_FDNAMES"] ?? "").split(
      separator: ":", omittingEmptySubsequences: false)
    var inherited: [Int32] = []
    var stored: [StoredDescriptor] = []
    for (index, descriptor) in try Self.descriptors(environment, processID).enumerated() {
      let name = index < names.count ? Array(names[index].utf8) : []
      if name.count == 1, let kind = StoredKind(rawValue: name[0]) {
        let owner = Descriptor(adopting: descriptor)
        owner.closeOnExec()
        stored.append(StoredDescriptor(kind, HeldDescriptor(owner)))
      } else {
        inherited.append(descriptor)
      }
    }
    self.inherited = inherited
    offersStore = (environment["FDSTORE"].flatMap { Int($0) } ?? 0) > 0
    store = notifySocket.map { SystemdStore(notifySocket: $0, inherited: stored) }
    let isWatched = environment["WATCHDOG_PID"].map { $0 == String(processID) } ?? true
    watchdog = isWatched ? try Self.interval(environment["WATCHDOG_USEC"] ?? "") : nil
  }

  /// The descriptors that are really open.
  private static func descriptors(_ environment: [String: String], _ processID: Int32)
    throws(StartFault) -> [Int32]
  {
    let text = environment["LISTEN_FDS"] ?? ""
    guard environment["LISTEN_PID"] == String(processID), !text.isEmpty else { return [] }
    guard let count = Int32(text), (0...mostDescriptors).contains(count) else {
      throw .setting(
        "LISTEN_FDS: \(text.wordForOneLine) is not a whole number, 0 to \(mostDescriptors)")
    }
    let descriptors = (0..<count).map { firstDescriptor + $0 }
    for descriptor in descriptors where fcntl(descriptor, F_GETFD) < 0 {
      throw .setting("LISTEN_FDS: \(count), but descriptor \(descriptor) is not open")
    }
    return descriptors
  }

  /// Reads microseconds, up to a year.
  private static func interval(_ text: String) throws(StartFault) -> Duration? {
    if text.isEmpty || text == "0" { return nil }
    let most: Int64 = 365 * 86_400 * 1_000_000
    guard let microseconds = Int64(text), (1...most).contains(microseconds) else {
      throw .setting("WATCHDOG_USEC: \(text.wordForOneLine) is not a whole number, 1 to \(most)")
    }
    return .microseconds(microseconds)
  }

  /// The largest number of passed descriptors: listening sockets, an image and all connections.
  private static let mostDescriptors: Int32 = 1_000_000

  package enum State: String {
    case ready = "READY=1"
    case reloading = "RELOADING=1"
    case stopping = "STOPPING=1"
    case alive = "WATCHDOG=1"
  }

  /// Closes and forgets the content of systemd's store, which a relay with another `FD_STORE` has
  /// left.
  func closeStored(log: Logger) {
    guard let stored = try? store?.fetch(), !stored.isEmpty else { return }
    for descriptor in stored { descriptor.end() }
    log.warning(
      "systemd's store is not used any more (FD_STORE): closing what it held",
      metadata: ["closed": "\(stored.count)"])
  }

  /// A notification that nobody receives is lost without an error.
  func notify(_ state: State) {
    guard let notifySocket else { return }
    var text = state.rawValue
    if state == .reloading {
      // Type=notify-reload requires the time of the beginning.
      text += "\nMONOTONIC_USEC=\(Clock.monotonic.nanoseconds / 1_000)"
    }
    SocketCalls.sendDatagram(Array(text.utf8), to: notifySocket)
  }
}
