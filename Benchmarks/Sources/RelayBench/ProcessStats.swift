#if os(Linux)
  import Glibc

  /// CPU time and memory of the server under test, read from /proc. Throws a `BenchError` for
  /// another user's process or one that has ended.
  struct ServerProcess: Sendable {
    let pid: Int32

    /// Returns the CPU time of all its threads in nanoseconds, from /proc/PID/task/*/schedstat.
    /// This is exact, while /proc/PID/stat counts in ticks of 10 ms.
    func cpu() throws(BenchError) -> Int64 { try schedule().spent }

    /// Returns the nanoseconds on a CPU, and those of waiting for one while ready to run.
    func schedule() throws(BenchError) -> (spent: Int64, waited: Int64) {
      guard let folder = opendir("/proc/\(pid)/task") else { throw .system("process \(pid)") }
      defer { closedir(folder) }
      var total: (spent: Int64, waited: Int64) = (0, 0)
      while let entry = readdir(folder) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        // A thread may end between the listing and the reading.
        guard Int(name) != nil, let text = Self.read("/proc/\(pid)/task/\(name)/schedstat")
        else { continue }
        let figures = text.split(separator: " ").compactMap { Int64($0) }
        guard figures.count > 1 else { continue }
        total.spent += figures[0]
        total.waited += figures[1]
      }
      return total
    }

    /// Returns the bytes of resident memory, shared pages included, from /proc/PID/statm.
    func residentBytes() throws(BenchError) -> Int {
      guard let text = Self.read("/proc/\(pid)/statm"),
        let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
      else { throw BenchError("process \(pid) has no /proc/\(pid)/statm") }
      return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Waits until the process has used less than 1 ms of CPU in 50 ms, for at most `seconds`.
    func settle(within seconds: Int = 30) throws(BenchError) {
      let deadline = Clock.now() + Int64(seconds) * 1_000_000_000
      var last = try cpu()
      while Clock.now() < deadline {
        Clock.sleep(milliseconds: 50)
        let now = try cpu()
        if now - last < 1_000_000 { return }
        last = now
      }
    }

    static func read(_ path: String) -> String? {
      let fd = open(path, O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { return nil }
      defer { close(fd) }
      var text: [UInt8] = []
      var chunk = [UInt8](repeating: 0, count: 4096)
      while true {
        let n = Glibc.read(fd, &chunk, chunk.count)
        guard n > 0 else { break }
        text += chunk[0..<n]
      }
      return String(decoding: text, as: UTF8.self)
    }
  }

  /// The node under test and how to reach it.
  struct Target: Sendable {
    var address: Address
    /// Local address of TCP connections; nil lets the kernel choose.
    var source: String?
    /// The process of the node. Without it, CPU and memory are not measured.
    var process: ServerProcess?
    var network = "regtest"
    var lineBytes = 300
  }
#endif
