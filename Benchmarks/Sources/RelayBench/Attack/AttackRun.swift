#if os(Linux)
  import Glibc

  /// One run: it starts a relay with default limits, the honest peers, and the attackers in another
  /// process.
  struct AttackRun {
    let server: String
    let attack: Attack
    let reference: Attack.Reference
    let sizes: HonestSizes
    let seconds: Int
    let seed: UInt64
    let scale: Int

    /// The time after the attack in which lines and answers still count, in nanoseconds.
    private static let grace: Int64 = 12_000_000_000
    /// The relay's `MAX_PEERS`: its default of 10,000, divided by `scale`.
    private var places: Int { 10_000 / scale }

    func run() throws(BenchError) -> AttackRow {
      try write("STRANGER_TIME=0\n", to: settingsPath)
      let (relay, statusPort) = try startRelay()
      defer {
        relay.stop()
        for file in [settingsPath, logPath] { unlink(file) }
      }
      let floor = try startFloor()
      defer { floor.stop() }
      let names = Names(seed: seed)
      let path = "\(relay.unix)"
      let honest = try HonestPeers(
        path: path, names: names, sizes: sizes, attack: attack, reference: reference)
      try honest.connect()
      try makeStrangers(relay)
      let process = ServerProcess(pid: relay.pid)
      var session = Session(
        honest: honest, probe: RelayProbe(port: statusPort, process: process),
        attackers: nil, paced: nil, random: SplitMix64(seed: seed))
      defer { session.probe.close() }
      try session.pump(until: Clock.now() + 1_000_000_000)
      if attack != .quiet {
        session.attackers = try Helper([
          "attackers", "--path", path, "--attack", attack.rawValue, "--seed", "\(seed)",
          "--seconds",
          "\(seconds)", "--places", "\(places)", "--first-victim", "\(honest.victims.lowerBound)",
          "--scale", "\(scale)",
        ])
      }
      do {
        return try measure(&session, process, floor)
      } catch {
        _ = session.attackers?.finish(AttackReport.self)
        _ = session.paced?.finish(PacedReport.self)
        throw error
      }
    }

    private func measure(
      _ session: inout Session, _ process: ServerProcess, _ floor: Child
    ) throws(BenchError) -> AttackRow {
      // The pairs start when the attackers are ready, and measure during the attack.
      try session.awaitReady(\.attackers, within: 60)
      session.paced = try Helper([
        "paced", "--relay", session.honest.pool.path, "--floor", "\(floor.unix)", "--seed",
        "\(seed)", "--seconds", "\(seconds)",
      ])
      let relayBefore = try process.schedule()
      let ownBefore = AttackersCommand.cpu()
      let start = Clock.now()
      try session.converse(from: start, seconds: seconds)
      session.honest.attackEndedAt = Clock.now()
      let nanoseconds = Double(Clock.now() - start)
      let relayAfter = try process.schedule()
      let ownCPU = Double(AttackersCommand.cpu() - ownBefore) * 100 / nanoseconds
      try session.drain(until: Clock.now() + Self.grace)
      var row = AttackRow(attack: attack, reference: reference, seed: seed, seconds: seconds)
      row.relayCPU = Double(relayAfter.spent - relayBefore.spent) * 100 / nanoseconds
      row.relayWait = Double(relayAfter.waited - relayBefore.waited) * 100 / nanoseconds
      row.honestCPU = ownCPU
      row.take(session.honest)
      row.take(session.probe)
      try session.awaitReport(\.paced, within: 10)
      guard let paced = session.paced?.finish(PacedReport.self) else {
        throw BenchError("the measured pairs ended without a report")
      }
      row.take(paced)
      if session.attackers != nil {
        try session.awaitReport(\.attackers, within: 30)
        guard let report = session.attackers?.finish(AttackReport.self) else {
          throw BenchError("the attackers ended without a report")
        }
        row.attackers = report
        row.attackerCPU = Double(report.cpu) * 100 / nanoseconds
      }
      return row
    }

    private func startRelay() throws(BenchError) -> (Child, UInt16) {
      let port = try Child.freePort()
      let unix = "\(Comparison.folder)/jm-attack-\(getpid()).sock"
      var environment = Comparison.inherited
      environment["HOST"] = ""
      environment["LISTEN_UNIX"] = unix
      environment["PROXY_PROTOCOL"] = "true"
      environment["HEALTH_CHECK_PORT"] = "\(port)"
      environment["NETWORK"] = "regtest"
      environment["MAX_PEERS"] = "\(places)"
      environment["NICK_AUTH_DIRECTORY_ID"] = AttackLines.directory
      environment["LOG_LEVEL"] = "notice"
      environment["ALLOW_ROOT"] = "true"
      let child = try Child.start(
        "relay", server, ["--env-file", settingsPath], environment: environment,
        tcp: .tcp(host: "127.0.0.1", port: port), unix: .unix(path: unix), log: logPath)
      return (child, port)
    }

    private func startFloor() throws(BenchError) -> Child {
      try Comparison.startFloor(
        tcp: .tcp(host: "127.0.0.1", port: try Child.freePort()),
        unix: .unix(path: "\(Comparison.folder)/jm-attack-\(getpid())-floor.sock"))
    }

    // MARK: Strangers

    private var settingsPath: String { "\(Comparison.folder)/jm-attack-\(getpid()).env" }
    private var logPath: String { "\(Comparison.folder)/jm-attack-\(getpid()).log" }

    /// Restores the default `STRANGER_TIME`: new peers that no established peer has addressed are
    /// strangers.
    private func makeStrangers(_ relay: Child) throws(BenchError) {
      try write("", to: settingsPath)
      kill(relay.pid, SIGHUP)
      let deadline = Clock.now() + 10_000_000_000
      while !(ServerProcess.read(logPath) ?? "").contains("reload: applied") {
        guard Clock.now() < deadline else {
          throw BenchError("the relay does not apply STRANGER_TIME, see \(logPath)")
        }
        Clock.sleep(milliseconds: 20)
      }
    }

    private func write(_ text: String, to path: String) throws(BenchError) {
      let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
      guard fd >= 0 else { throw .system(path) }
      defer { close(fd) }
      Report.put(text, to: fd)
    }
  }

  /// The part of a run that this process executes.
  private struct Session {
    let honest: HonestPeers
    var probe: RelayProbe
    var attackers: Helper?
    var paced: Helper?
    var random: SplitMix64

    mutating func turn() throws(BenchError) {
      try honest.pool.turn(atMost: 2)
      try probe.step(at: Clock.now())
      attackers?.read()
      paced?.read()
    }

    mutating func pump(until deadline: Int64) throws(BenchError) {
      while Clock.now() < deadline { try turn() }
    }

    mutating func awaitReady(
      _ helper: KeyPath<Session, Helper?>, within seconds: Int64
    ) throws(BenchError) {
      let deadline = Clock.now() + seconds * 1_000_000_000
      while let process = self[keyPath: helper], !process.isReady {
        guard !process.hasEnded, Clock.now() < deadline else {
          throw BenchError("the attackers did not get ready")
        }
        try turn()
      }
    }

    /// Waits until the helper has ended. A busy attacker may end a little later than this process.
    mutating func awaitReport(
      _ helper: KeyPath<Session, Helper?>, within seconds: Int64
    ) throws(BenchError) {
      let deadline = Clock.now() + seconds * 1_000_000_000
      while let process = self[keyPath: helper], !process.hasEnded, Clock.now() < deadline {
        try turn()
      }
    }

    /// Runs the measured time: offers, conversations, `!orderbook` and joiners, each at its rate.
    mutating func converse(from start: Int64, seconds: Int) throws(BenchError) {
      let sizes = honest.sizes
      var announcements = Schedule(start: start, perSecond: Double(sizes.publicLines))
      var conversations = Schedule(start: start, perSecond: Double(sizes.privateLines))
      var questions = Schedule(start: start, perSecond: Double(sizes.orderbooksPerMinute) / 60)
      // All joiners connect in the first half, so that each has time to be accepted.
      let joinersPerSecond = Double(max(1, honest.joiners.count)) * 2 / Double(seconds)
      var arrivals = Schedule(start: start, perSecond: joinersPerSecond)
      let takers = honest.takers.shuffled(using: &random)
      let makers = honest.makers.shuffled(using: &random)
      let end = start + Int64(seconds) * 1_000_000_000
      honest.isMeasuring = true
      while Clock.now() < end {
        let now = Clock.now()
        while announcements.isDue(at: now) {
          honest.announce(makers[(announcements.count - 1) % makers.count])
        }
        while conversations.isDue(at: now) {
          let number = conversations.count - 1
          let half = number / 2
          honest.speak(
            number % 2 == 0 ? makers[half % makers.count] : takers[half % takers.count])
        }
        while questions.isDue(at: now) {
          honest.ask(takers[(questions.count - 1) % takers.count])
        }
        while arrivals.count < honest.joiners.count, arrivals.isDue(at: now) {
          honest.arrive(honest.joiners.lowerBound + arrivals.count - 1, at: now)
        }
        try honest.retry(at: now)
        try turn()
      }
      honest.isMeasuring = false
    }

    /// Waits for lines and answers that have not arrived yet.
    mutating func drain(until deadline: Int64) throws(BenchError) {
      while Clock.now() < deadline, honest.isExpecting { try turn() }
    }
  }
#endif
