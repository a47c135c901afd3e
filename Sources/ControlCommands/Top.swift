/// `jm-directory-ctl top`: the relay's summary once a second. On a terminal it redraws a screen.
/// Into a file or a pipe it writes one line a second, with --json the relay's own answers, one a
/// line.
import ArgumentParser
import EventLoop
import FoundationEssentials
import Status
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension DirectoryControl {
  struct Top: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show the relay's state, redrawn each second; q quits. Plain lines without a terminal."
    )

    @OptionGroup var target: TargetOptions

    @Option(help: "Stop after this many answers. Default: never.")
    var count: Int?

    func validate() throws {
      if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    }

    func run() throws {
      let isScreen = isatty(0) == 1 && isatty(1) == 1 && !target.json
      if isScreen { try TopSession(target, count).onTerminal() } else { try lines() }
    }

    private func lines() throws {
      var before: RelaySummary?
      var clock = ContinuousClock.now
      var left = count ?? .max
      while left > 0 {
        let text = try target.fetch("/summary.json")
        guard let now = TopSession.read(text) else {
          printError("\(target.endpoint) gives no summary; is it a relay of this version?")
          throw ExitCode(1)
        }
        let seconds = (ContinuousClock.now - clock).seconds
        clock = .now
        print(
          target.json
            ? StatusCommands.oneLine(Array(text.utf8))
            : TopScreen.line(.init(now: now, before: before, seconds: seconds)))
        fflush(nil)
        before = now
        left -= 1
        if left > 0 { usleep(1_000_000) }
      }
    }
  }
}

/// The loop behind the screen.
struct TopSession {
  private let target: TargetOptions
  private let count: Int

  init(_ target: TargetOptions, _ count: Int?) {
    self.target = target
    self.count = count ?? .max
  }

  static func read(_ text: String) -> RelaySummary? {
    try? JSONDecoder().decode(RelaySummary.self, from: Data(text.utf8))
  }

  func onTerminal() throws {
    guard let terminal = Terminal() else {
      printError("this terminal does not support key input; try: jm-directory-ctl top | cat")
      throw ExitCode(1)
    }
    defer { terminal.restore() }
    let client = StatusClient(endpoint: target.endpoint, timeout: target.responseTimeout)
    let place = target.endpoint.description
    var before: RelaySummary?
    var clock = ContinuousClock.now
    var past: [Double] = []
    for _ in 0..<count {
      let screen = terminal.screen
      do throws(StatusClient.Failure) {
        let text = String(decoding: try client.get("/summary.json").body, as: UTF8.self)
        let seconds = (ContinuousClock.now - clock).seconds
        clock = .now
        if let now = Self.read(text) {
          let reading = TopScreen.Reading(now: now, before: before, seconds: seconds)
          past = (past + [reading.deliveries ?? 0]).suffix(512)
          terminal.draw(
            screen.lines(
              reading, at: place, past: past, clock: Date().timeIntervalSince1970))
          before = now
        } else {
          terminal.draw(screen.lines(failure: "no summary; is it this version?", at: place))
        }
      } catch {
        before = nil
        terminal.draw(screen.lines(failure: error.description(at: target.endpoint), at: place))
      }
      if terminal.isToldToQuit(within: 1_000) { return }
    }
  }
}

/// The terminal while the screen is shown: keys are read one by one without echo. The previous
/// content is restored at the end.
///
/// Safe: the system reads and fills in a value of the type that it is given and keeps no address.
/// Text is lent for the length of a call; nothing changes the environment.
struct Terminal {
  private var original = termios()

  init?() {
    guard unsafe tcgetattr(0, &original) == 0 else { return nil }
    var raw = original
    raw.c_lflag &= ~tcflag_t(ICANON | ECHO | ISIG)
    guard unsafe tcsetattr(0, TCSANOW, &raw) == 0 else { return nil }
    // They end the loop instead of the process, so that the terminal is restored.
    var signals = Self.ending
    unsafe sigprocmask(SIG_BLOCK, &signals, nil)
    put("\u{1b}[?1049h\u{1b}[?25l")
  }

  func restore() {
    put("\u{1b}[?25h\u{1b}[?1049l")
    var original = original
    unsafe tcsetattr(0, TCSANOW, &original)
  }

  var screen: TopScreen {
    var size = winsize()
    var screen = TopScreen()
    if unsafe ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 {
      screen.width = Int(size.ws_col)
      screen.height = Int(size.ws_row)
    }
    screen.hasColours = Self.variable("NO_COLOR") == nil && Self.variable("TERM") != "dumb"
    let locale = Self.variable("LC_ALL") ?? Self.variable("LC_CTYPE") ?? Self.variable("LANG")
    screen.hasBars = locale?.uppercased().contains("UTF") == true
    return screen
  }

  func draw(_ lines: [String]) {
    put("\u{1b}[H" + lines.map { $0 + "\u{1b}[K" }.joined(separator: "\r\n") + "\u{1b}[J")
  }

  /// Waits for q, Ctrl-C, the end of the input or a signal that means the same.
  func isToldToQuit(within milliseconds: Int) -> Bool {
    let end = ContinuousClock.now + .milliseconds(milliseconds)
    while true {
      let left = Int32(clamping: (end - ContinuousClock.now).nanoseconds / 1_000_000)
      if isSignalled { return true }
      guard left > 0 else { return false }
      var input = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
      guard unsafe poll(&input, 1, min(left, 200)) > 0 else { continue }
      var key: UInt8 = 0
      guard unsafe read(0, &key, 1) == 1 else { return true }
      if key == UInt8(ascii: "q") || key == UInt8(ascii: "Q") || key == 3 { return true }
    }
  }

  private var isSignalled: Bool {
    var pending = sigset_t()
    unsafe sigpending(&pending)
    return [SIGTERM, SIGHUP, SIGINT].contains { unsafe sigismember(&pending, $0) == 1 }
  }

  private static var ending: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in [SIGTERM, SIGHUP, SIGINT] { unsafe sigaddset(&set, signal) }
    return set
  }

  /// Returns `nil` also when it is empty.
  private static func variable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private func put(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(1, $0.baseAddress, $0.count) }
      guard count > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(0, count))
    }
  }
}
