#if os(Linux)
  import ArgumentParser
  import Glibc

  struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "compare",
      abstract: "Runs the floor and the relay in turn and holds the relay to its budget.",
      discussion: """
        Each row is measured --runs times, floor and relay one right after the other, the order \
        swapped from round to round; the median counts. Memory is that of a process just started. \
        Exit code 1 when a row misses its limit or lines were lost. Five rounds take about six \
        minutes on two free cores.
        """)

    @Option(help: "Path of jm-directory-server.") var server: String
    @Option(help: "Rounds.") var runs = 5
    @Option(help: "The limits.") var budget = "Benchmarks/budget.json"
    @Flag(help: "Prints JSON in place of a table.") var json = false
    @OptionGroup(title: "Sizes") var sizes: SizeOptions
    @Argument(help: "Rows of the budget (default: all).") var rows: [String] = []

    func validate() throws {
      if runs < 1 { throw ValidationError("--runs: must be at least 1") }
    }

    func run() throws {
      Interruption.watch()
      let limits = try chosen(from: JSON.read(Budget.self, from: budget))
      let verdicts = try Comparison(server: server, sizes: sizes.sizes).run(limits, rounds: runs)
      if json {
        Report.put(try JSON.text(verdicts), to: 1)
      } else {
        Report.put(Report.table([Verdict.head] + verdicts.map(\.cells)), to: 1)
      }
      if verdicts.contains(where: { !$0.met }) { throw ExitCode(1) }
    }

    private func chosen(from budget: Budget) throws -> [Budget.Limit] {
      guard !rows.isEmpty else { return budget.rows }
      return try rows.map { name in
        guard let row = budget.rows.first(where: { $0.name.rawValue == name }) else {
          let names = budget.rows.map(\.name.rawValue).joined(separator: ", ")
          throw ValidationError("\(name): not in the budget; there are \(names)")
        }
        return row
      }
    }
  }

  /// Compares floor and relay. Both run during a round; the one that is not measured is idle.
  struct Comparison {
    let server: String
    let sizes: Sizes

    func run(_ limits: [Budget.Limit], rounds: Int) throws(BenchError) -> [Verdict] {
      var pairs: [BudgetRow: [(floor: Double?, relay: Double)]] = [:]
      for row in limits.map(\.name) {
        // Counted once, because the counts hardly vary.
        guard let set = row.source.counts else { continue }
        let counter = Instructions(comparison: self, set: set)
        pairs[row] = [(nil, try counter.perOperation(row.source.scenario))]
      }
      let restarted = limits.map(\.name).filter { $0.source.scenario == .restart }
      let timed = limits.map(\.name).filter {
        $0.source.counts == nil && $0.source.scenario != .restart
      }
      let fresh = timed.filter { $0.source.scenario == .idle }
      let others = timed.filter { $0.source.scenario != .idle }
      for round in 1...rounds where !timed.isEmpty || !restarted.isEmpty {
        Report.progress("round \(round) of \(rounds)")
        for peers in Set(restarted.compactMap(\.source.restartPeers)).sorted() {
          let measured = try Restart(comparison: self, peers: peers).measure()
          for row in restarted where row.source.restartPeers == peers {
            pairs[row, default: []].append((nil, try pick(row, measured)))
          }
        }
        if !fresh.isEmpty {
          let relay = try startRelay()
          defer { relay.stop() }
          let measured = try measure(.idle, relay, .tcp)
          for row in fresh { pairs[row, default: []].append((nil, try pick(row, measured))) }
        }
        guard !others.isEmpty else { continue }
        let floor = try startFloor()
        defer { floor.stop() }
        let relay = try startRelay()
        defer { relay.stop() }
        for row in others {
          let pair = try self.pair(row, floor, relay, relayFirst: round % 2 == 0)
          pairs[row, default: []].append(pair)
        }
      }
      return limits.map { Verdict($0, pairs[$0.name] ?? []) }
    }

    private func pair(
      _ row: BudgetRow, _ floor: Child, _ relay: Child, relayFirst: Bool
    ) throws(BenchError) -> (floor: Double?, relay: Double) {
      let source = row.source
      guard let reference = source.floor else {
        return (nil, try pick(row, try measure(source.scenario, relay, source.relay)))
      }
      if relayFirst {
        let second = try pick(row, try measure(source.scenario, relay, source.relay))
        return (try pick(row, try measure(source.scenario, floor, reference)), second)
      }
      let first = try pick(row, try measure(source.scenario, floor, reference))
      return (first, try pick(row, try measure(source.scenario, relay, source.relay)))
    }

    private func measure(
      _ scenario: Scenario, _ child: Child, _ transport: BudgetRow.Transport
    ) throws(BenchError) -> [Measurement] {
      let address = transport == .tcp ? child.tcp : child.unix
      Report.progress("  \(scenario.rawValue): \(child.name) at \(address)")
      let target = Target(address: address, process: ServerProcess(pid: child.pid))
      do {
        return try Runner(target: target, sizes: sizes).run(scenario)
      } catch {
        throw BenchError("\(scenario.rawValue), \(child.name): \(error)")
      }
    }

    private func pick(_ row: BudgetRow, _ measured: [Measurement]) throws(BenchError) -> Double {
      guard let hit = measured.first(where: { $0.name == row.source.figure }) else {
        throw BenchError("\(row.rawValue): nothing was measured")
      }
      return hit.value * row.source.factor
    }

    // MARK: The two servers

    /// The folder for the temporary files of a run.
    static var folder: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    private func addresses(_ name: String) throws(BenchError) -> (UInt16, Address, Address) {
      let port = try Child.freePort()
      let path = "\(Self.folder)/jm-bench-\(getpid())-\(name).sock"
      return (port, .tcp(host: "127.0.0.1", port: port), .unix(path: path))
    }

    private func startFloor() throws(BenchError) -> Child {
      let (_, tcp, unix) = try addresses("floor")
      return try Self.startFloor(tcp: tcp, unix: unix)
    }

    static func startFloor(tcp: Address, unix: Address) throws(BenchError) -> Child {
      var path = [CChar](repeating: 0, count: 4096)
      let n = readlink("/proc/self/exe", &path, path.count - 1)
      guard n > 0 else { throw .system("/proc/self/exe") }
      let own = String(decoding: path[0..<n].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let arguments = ["floor", "--tcp", "\(tcp)", "--unix", "\(unix)"]
      return try Child.start("floor", own, arguments, environment: inherited, tcp: tcp, unix: unix)
    }

    /// The command and addresses of a relay, so that it can be restarted at the same addresses.
    struct RelayPlan {
      let command: [String]
      let environment: [String: String]
      let tcp: Address
      let unix: Address
      let log: String?

      func start(waits: Bool = true) throws(BenchError) -> Child {
        try Child.start(
          "relay", command[0], Array(command.dropFirst()), environment: environment, tcp: tcp,
          unix: unix, log: log, waits: waits)
      }
    }

    /// - Parameter tool: a program with arguments that runs the relay, for example valgrind; empty
    ///   for none.
    func startRelay(under tool: [String] = []) throws(BenchError) -> Child {
      try relayPlan(under: tool).start()
    }

    func relayPlan(
      under tool: [String] = [], with settings: [String: String] = [:], log: String? = nil
    ) throws(BenchError) -> RelayPlan {
      let (port, tcp, unix) = try addresses("relay")
      var environment = Self.inherited
      environment["HOST"] = "127.0.0.1"
      environment["PORT"] = "\(port)"
      environment["LISTEN_UNIX"] = "\(unix)"
      environment["HEALTH_CHECK_PORT"] = "\(try healthPort(besides: port))"
      environment.merge(Self.unlimited) { _, ours in ours }
      environment.merge(settings) { _, ours in ours }
      return RelayPlan(
        command: tool + [server], environment: environment, tcp: tcp, unix: unix, log: log)
    }

    func healthPort(besides port: UInt16) throws(BenchError) -> UInt16 {
      let held = try Socket.listen(on: .tcp(host: "127.0.0.1", port: port))
      defer { close(held) }
      return try Child.freePort()
    }

    /// The variables that a dynamically linked server may need. None of them is a setting of the
    /// relay.
    static var inherited: [String: String] {
      var kept: [String: String] = [:]
      for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR"] {
        if let value = getenv(name) { kept[name] = String(cString: value) }
      }
      return kept
    }

    /// The bench sends faster than any honest peer, so the limits that would drop or delay its
    /// lines are off. A quarter of MAX_BACKLOG holds the backlogs of 20 frozen readers after 5 s.
    private static let unlimited = [
      "NETWORK": "regtest", "MAX_PEERS": "19500", "MESSAGE_RATE_LIMIT": "1000000",
      "MESSAGE_BURST_LIMIT": "1000000", "PUBLIC_RATE_LIMIT": "0", "ORDERBOOK_RATE_LIMIT": "0",
      "PEERLIST_RATE_LIMIT": "0", "PUBLIC_BYTES_LIMIT": "0", "FANOUT_RATE_LIMIT": "0",
      "FANOUT_BYTES_LIMIT": "0", "ORDERBOOK_TOTAL_LIMIT": "0", "MAX_BACKLOG": "1GiB",
      "LOG_LEVEL": "warning",
      "NICK_AUTH_DIRECTORY_ID": "bench.test:5222",
      "ALLOW_ROOT": "true",
    ]
  }
#endif
