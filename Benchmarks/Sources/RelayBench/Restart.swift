#if os(Linux)
  import Glibc

  /// A restart with a descriptor store (docs/operating.md, "Hot restart") as its peers see it. The
  /// programs of the relay and the store are in the same folder.
  struct Restart {
    let comparison: Comparison
    let peers: Int

    /// - Returns: the time in which no line is passed on, and the size of the image.
    func measure() throws(BenchError) -> [Measurement] {
      Report.progress("  restart: \(peers) peers")
      let base = "\(Comparison.folder)/jm-bench-\(getpid())"
      let (storePath, log) = (base + "-store.sock", base + "-restart.log")
      defer { unlink(log) }
      let store = try startStore(at: storePath)
      defer { store.stop() }
      let plan = try comparison.relayPlan(
        with: ["FD_STORE": storePath, "LOG_LEVEL": "info"], log: log)
      var relay = try plan.start()
      defer { relay.stop() }
      let target = Target(address: relay.tcp, process: ServerProcess(pid: relay.pid))
      let load = try Generator(target, count: peers, makers: 0..<peers)
      try load.connect()
      try ServerProcess(pid: relay.pid).settle()
      let start = Clock.now()
      relay.end(leavesFile: true)
      load.sendMeasured(from: 0, count: 1)
      relay = try plan.start(waits: false)
      try load.await("a line after the restart", within: 60) { load.deliveries > 0 }
      let pause = Double(Clock.now() - start) / 1e6
      try load.await("the line at \(peers - 1) peers", within: 60) {
        load.deliveries == peers - 1
      }
      guard let bytes = ServerProcess.read(log).flatMap(Self.imageBytes) else {
        throw BenchError("restart: the relay has not handed over; its log is \(log)")
      }
      var figures = Figures(.restart)
      figures.add("pause", pause, "ms")
      figures.add("image per peer", Double(bytes) / Double(peers), "B")
      return figures.all
    }

    private func startStore(at path: String) throws(BenchError) -> Child {
      let folder = comparison.server.split(separator: "/", omittingEmptySubsequences: false)
        .dropLast().joined(separator: "/")
      let address = Address.unix(path: path)
      return try Child.start(
        "store", (folder.isEmpty ? "." : folder) + "/jm-fd-store",
        ["--socket", path, "--allow-root"], environment: Comparison.inherited,
        tcp: address, unix: address, kind: Socket.packets)
    }

    /// Returns N of the line `handed over … bytes=N …`.
    static func imageBytes(in log: String) -> Int? {
      for line in log.split(separator: "\n") where line.contains(" handed over ") {
        guard let word = line.split(separator: " ").first(where: { $0.hasPrefix("bytes=") }) else {
          continue
        }
        return Int(word.dropFirst("bytes=".count))
      }
      return nil
    }
  }
#endif
