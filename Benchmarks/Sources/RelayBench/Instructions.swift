#if os(Linux)
  import Glibc

  /// What an operation costs in instructions, counted by valgrind's callgrind: nearly the same each
  /// time, whatever else the machine does, where its time in microseconds is mostly noise.
  struct Instructions {
    let comparison: Comparison
    /// Sets how often the operation is done.
    let set: @Sendable (inout Sizes, Int) -> Void

    private static let few = 10
    private static let many = 40

    /// Two servers do it few and many times; the rest of what they do is the same and falls out.
    func perOperation(_ scenario: Scenario) throws(BenchError) -> Double {
      let less = try count(scenario, Self.few)
      let more = try count(scenario, Self.many)
      return Double(more - less) / Double(Self.many - Self.few)
    }

    private func count(_ scenario: Scenario, _ times: Int) throws(BenchError) -> Int {
      Report.progress("  \(scenario.rawValue), \(times) times: relay under callgrind")
      let path = "\(Comparison.folder)/jm-bench-\(getpid())-callgrind"
      defer { unlink(path) }
      let relay = try comparison.startRelay(
        under: ["/usr/bin/valgrind", "-q", "--tool=callgrind", "--callgrind-out-file=\(path)"])
      var sizes = comparison.sizes
      set(&sizes, times)
      do throws(BenchError) {
        let target = Target(address: relay.tcp, process: ServerProcess(pid: relay.pid))
        _ = try Runner(target: target, sizes: sizes).run(scenario)
      } catch {
        relay.stop()
        throw error
      }
      // It writes what it has counted when it ends.
      relay.end()
      guard let total = ServerProcess.read(path).flatMap(Self.total) else {
        throw BenchError("\(scenario.rawValue): callgrind has counted nothing")
      }
      return total
    }

    /// From the line `totals: N`.
    static func total(in text: String) -> Int? {
      for line in text.split(separator: "\n") where line.hasPrefix("totals: ") {
        return Int(line.dropFirst("totals: ".count))
      }
      return nil
    }
  }
#endif
