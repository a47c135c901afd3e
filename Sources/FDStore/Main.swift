/// `jm-fd-store`: holds a relay's open sockets and its state while no relay runs, so that a restart
/// closes no connection. It does not interpret them and shares no code with the relay, so a new
/// relay needs no new store. docs/fd-store.md describes the protocol.
import ArgumentParser
import Glibc
import Synchronization

@main
struct FDStore: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jm-fd-store",
    abstract: "Holds a relay's sockets and state in memory while the relay restarts.",
    discussion: "The relay finds it by FD_STORE=PATH. Nothing is written to disk.")

  @Option(help: "The Unix socket to listen on. It is made with mode 0600.")
  var socket: String

  @Option(help: "Seconds after which what nobody fetched is closed: 1 to 86400.")
  var hold = 120

  @Option(help: "Seconds after which a relay that says nothing is cut off: 1 to 60.")
  var timeout = 10

  @Flag(help: "Run as root, which is refused otherwise.")
  var allowRoot = false

  func run() throws {
    fillStandardDescriptors()
    do throws(StoreFault) {
      guard (1...86_400).contains(hold) else {
        throw StoreFault("--hold: \(hold) is not between 1 and 86400 seconds", isSetting: true)
      }
      guard (1...60).contains(timeout) else {
        throw StoreFault("--timeout: \(timeout) is not between 1 and 60 seconds", isSetting: true)
      }
      guard geteuid() != 0 || allowRoot else {
        throw StoreFault(
          "this is root: run as the relay's user, or give --allow-root", isSetting: true)
      }
      harden()
      signal(SIGPIPE, SIG_IGN)
      signal(SIGXFSZ, SIG_IGN)
      let server = try StoreServer(
        at: socket, hold: .seconds(hold), clientTimeout: .seconds(timeout))
      report("listening on \(socket), holding for \(hold) s")
      server.run()
      report("stopped")
    } catch {
      report("error: \(error.description)")
      throw ExitCode(error.isSetting ? 78 : 71)
    }
  }

  /// Opens /dev/null in place of each standard descriptor that is closed: otherwise the next
  /// descriptor of this process gets its number. Safe: the path is a constant.
  private func fillStandardDescriptors() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      guard unsafe open("/dev/null", O_RDWR) == descriptor else { Glibc.exit(71) }
    }
  }

  /// Forbids core files and debuggers of the same user: the held data is as private as the relay's
  /// memory. Safe: the kernel reads and fills in limits of their type.
  private func harden() {
    umask(0o177)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    _ = forbidDumps()
    var files = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard unsafe getrlimit(kind, &files) == 0 else { return }
    files.rlim_cur = files.rlim_max
    unsafe setrlimit(kind, &files)
  }
}

/// The reason why the store does not start. Exit codes are those of sysexits.h: 78 for a wrong
/// argument, 71 for an error of the system.
struct StoreFault: Error {
  let description: String
  let isSetting: Bool

  init(_ description: String, isSetting: Bool = false) {
    self.description = description
    self.isSetting = isSetting
  }
}

/// Writes one line to standard error. It has counts and reasons only. Never waits for a reader:
/// lines that are not taken are counted, and a later line reports their number.
func report(_ text: String) {
  unreported.withLock { unreported in
    if unreported > 0, !put("\(unreported) lines were dropped: standard error took nothing") {
      unreported += 1
      return
    }
    unreported = put(text) ? 0 : unreported + 1
  }
}

private let unreported = Mutex(0)

private func put(_ text: String) -> Bool {
  let line = Array("jm-fd-store: \(text)\n".utf8)
  var entry = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
  // A pipe with room takes PIPE_BUF bytes at once, and no line is longer. Safe: both calls stay
  // within the entry and the line.
  guard unsafe poll(&entry, 1, 0) > 0 else { return false }
  return unsafe write(2, line, min(line.count, 4_096)) == line.count
}
