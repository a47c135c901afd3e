#if os(Linux)
  import ArgumentParser
  import Glibc

  /// The attackers' process, which `attack` starts. It prepares, prints `ready`, attacks, and
  /// prints its report as JSON.
  struct AttackersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "attackers", abstract: "The other half of `attack`.", shouldDisplay: false)

    @Option var path: String
    @Option var attack: Attack
    @Option var seed: UInt64
    @Option var seconds: Int
    @Option var places: Int
    @Option var firstVictim: Int
    @Option var scale: Int

    func run() throws {
      Interruption.watch()
      let last = firstVictim + Attack.victimRates.count
      let options = AttackerOptions(
        names: Names(seed: seed), places: places, victims: firstVictim..<last, scale: scale)
      guard let plan = try attack.plan(path, options) else { return }
      let giveUpAt = Clock.now() + 60_000_000_000
      while !plan.isPrepared {
        try plan.prepare(at: Clock.now())
        try plan.pool.turn(atMost: 1)
        guard Clock.now() < giveUpAt else {
          throw BenchError("attackers: \(plan.pool.readyCount) of \(plan.pool.count) are in")
        }
      }
      let spent = Self.cpu()
      let start = Clock.now()
      leaveProcessorsToOthers()
      // The parent starts to measure when it reads this line.
      Report.put(Helper.ready, to: 1)
      try plan.begin(at: start)
      while Clock.now() < start + Int64(seconds) * 1_000_000_000 {
        try plan.step(at: Clock.now())
        try plan.pool.turn(atMost: 2)
      }
      plan.report.cpu = Self.cpu() - spent
      Report.put(try JSON.text(plan.report), to: 1)
    }

    /// Runs this process only when no other one wants a CPU (SCHED_IDLE), because real attackers do
    /// not use the relay's processors. Undoing it needs privileges.
    private func leaveProcessorsToOthers() {
      var none = sched_param()
      sched_setscheduler(0, Self.idle, &none)
    }

    /// SCHED_IDLE of <sched.h>, which Swift's Glibc leaves out.
    private static let idle: Int32 = 5

    /// Returns the CPU time of this process so far, in nanoseconds.
    static func cpu() -> Int64 {
      var time = timespec()
      clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
      return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
  }

  /// A child process of this program, seen from the parent. It prints `ready`, works and prints a
  /// report.
  struct Helper {
    static let ready = "ready\n"

    private let pid: pid_t
    private let output: Int32
    private var text = ""

    /// - Parameter arguments: a command of this program and its arguments.
    init(_ arguments: [String]) throws(BenchError) {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw .system("pipe") }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
      let own = "/proc/self/exe"
      var argv: [UnsafeMutablePointer<CChar>?] =
        (["jm-directory-bench"] + arguments).map { strdup($0) }
      defer { for text in argv { free(text) } }
      argv.append(nil)
      var child: pid_t = 0
      let error = posix_spawn(&child, own, &actions, nil, argv, environ)
      close(ends[1])
      guard error == 0 else {
        throw BenchError("\(arguments[0]): \(String(cString: strerror(error)))")
      }
      pid = child
      output = ends[0]
      _ = fcntl(output, F_SETFL, O_NONBLOCK)
    }

    var isReady: Bool { text.hasPrefix(Self.ready) }
    private(set) var hasEnded = false

    /// Reads what the child has printed so far.
    mutating func read() {
      var room = [UInt8](repeating: 0, count: 4096)
      while !hasEnded {
        let n = Glibc.read(output, &room, room.count)
        if n < 0 { return }
        if n == 0 { hasEnded = true }
        text += String(decoding: room[..<n], as: UTF8.self)
      }
    }

    /// Ends the child and returns its report, nil if it printed none.
    mutating func finish<Report: Decodable>(_ type: Report.Type) -> Report? {
      read()
      kill(pid, SIGTERM)
      var status: Int32 = 0
      waitpid(pid, &status, 0)
      close(output)
      guard isReady else { return nil }
      return try? JSON.decode(type, text.dropFirst(Self.ready.count))
    }
  }
#endif
