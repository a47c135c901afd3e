#if os(Linux)
  import Glibc

  /// Counts the instructions of an operation with valgrind's callgrind. The count hardly depends on
  /// the load of the machine, while the time in microseconds varies too much.
  struct Instructions {
    let comparison: Comparison
    /// Sets the number of operations.
    let set: @Sendable (inout Sizes, Int) -> Void

    private static let few = 10
    private static let many = 40

    /// Runs one server with few operations and one with many. The difference removes the cost of
    /// everything else.
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
      // callgrind writes its counts when the process ends.
      relay.end()
      guard let total = ServerProcess.read(path).flatMap(Self.total) else {
        throw BenchError("\(scenario.rawValue): callgrind has counted nothing")
      }
      return total
    }

    /// Returns N of the line `totals: N`.
    static func total(in text: String) -> Int? {
      for line in text.split(separator: "\n") where line.hasPrefix("totals: ") {
        return Int(line.dropFirst("totals: ".count))
      }
      return nil
    }
  }
#endif
