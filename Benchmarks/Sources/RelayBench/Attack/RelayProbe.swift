#if os(Linux)
  import Glibc

  /// Requests the relay's metrics once a second. It never blocks, so a busy relay does not delay
  /// this process.
  struct RelayProbe {
    private let address: Address
    private let process: ServerProcess
    private var fd: Int32 = -1
    private var isSent = false
    private var text: [UInt8] = []
    private var askAt: Int64 = 0
    /// The highest values seen.
    private(set) var backlogBytes = 0
    private(set) var residentBytes = 0
    private(set) var unhealthy = 0
    private(set) var narrowestBudget = 100.0
    private(set) var answers = 0
    /// The values of the last answer, keyed by name and labels.
    private(set) var last: [String: Double] = [:]
    private static let request = Array(
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)

    init(port: UInt16, process: ServerProcess) {
      address = .tcp(host: "127.0.0.1", port: port)
      self.process = process
    }

    /// Continues the current request, or starts the next one when it is due.
    mutating func step(at now: Int64) throws(BenchError) {
      if fd < 0 {
        guard now >= askAt else { return }
        residentBytes = max(residentBytes, try process.residentBytes())
        guard case .started(let socket) = try Socket.connect(to: address, from: nil) else { return }
        (fd, isSent, text, askAt) = (socket, false, [], now + 1_000_000_000)
      }
      if !isSent {
        guard let sent = Socket.send(fd, Self.request, Self.request.count) else { return close() }
        isSent = sent > 0
      }
      guard isSent else { return }
      var room = [UInt8](repeating: 0, count: 16_384)
      while true {
        switch Socket.receive(fd, into: &room, room.count) {
        case .nothing: return
        case .bytes(let n): text += room[..<n]
        case .ended:
          read(String(decoding: text, as: UTF8.self))
          return close()
        }
      }
    }

    mutating func close() {
      if fd >= 0 { Glibc.close(fd) }
      fd = -1
    }

    private mutating func read(_ text: String) {
      let values = Self.values(in: text)
      guard !values.isEmpty else { return }
      answers += 1
      last = values
      backlogBytes = max(backlogBytes, Int(values["jm_directory_backlog_bytes"] ?? 0))
      narrowestBudget = min(
        narrowestBudget, values["jm_directory_fanout_budget_percent"] ?? 100)
      if values["jm_directory_healthy"] == 0 { unhealthy += 1 }
    }

    /// Returns the samples of a metrics page, keyed by name and labels.
    static func values(in text: String) -> [String: Double] {
      var values: [String: Double] = [:]
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        guard let space = line.lastIndex(of: " ") else { continue }
        let name = line[..<space]
        guard name.hasPrefix("jm_directory_"),
          let value = Double(line[line.index(after: space)...].filter { $0 != "\r" })
        else { continue }
        values[String(name)] = value
      }
      return values
    }

    /// Returns the histogram bound above the largest lag of the event loop, in seconds. Returns the
    /// greatest finite number if the lag is over the last bound.
    static func lag(in values: [String: Double]) -> Double {
      let name = "jm_directory_loop_lag_seconds"
      guard let count = values["\(name)_count"] else { return 0 }
      let bounds = values.compactMap { sample, value -> Double? in
        guard sample.hasPrefix("\(name)_bucket{le=\""), value >= count else { return nil }
        return Double(sample.dropFirst(name.utf8.count + 12).prefix { $0 != "\"" })
      }
      return bounds.filter(\.isFinite).min() ?? .greatestFiniteMagnitude
    }

    /// The number of connections closed, by reason.
    var closes: [String: Int] {
      var closes: [String: Int] = [:]
      for (name, value) in last where value > 0 {
        guard name.hasPrefix("jm_directory_connections_closed"),
          let quote = name.firstIndex(of: "\"")
        else { continue }
        closes[String(name[name.index(after: quote)...].prefix { $0 != "\"" })] = Int(value)
      }
      return closes
    }
  }
#endif
