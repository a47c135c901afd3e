import Foundation
import Glibc
import Testing

extension ProductTests {
  @Suite("A log that is not read, and standard descriptors that are closed")
  struct LogPipeTests {
    /// A relay whose standard error is a pipe, and the reader of that pipe.
    private final class Piped {
      let child: ChildProcess
      private let directory: TemporaryDirectory
      private let reader: Int32
      private var text = ""
      private(set) var port: UInt16 = 0
      private(set) var statusPort: UInt16 = 0

      init(_ settings: [String: String]) throws {
        directory = try TemporaryDirectory()
        let path = directory.path + "/log"
        try #require(mkfifo(path, 0o600) == 0)
        // Does not wait for a writer.
        reader = open(path, O_RDONLY | O_NONBLOCK)
        child = try ChildProcess(
          Product.server.path, [], RelayProcess.defaults.merging(settings) { $1 },
          in: directory.path, out: directory.path + "/out", error: path)
        try eventually("it logs its ports", within: 20) {
          read()
          port = portOf("listening") ?? 0
          statusPort = portOf("status") ?? 0
          return port != 0 && statusPort != 0
        }
      }

      deinit { close(reader) }

      private func portOf(_ message: String) -> UInt16? {
        text.split(separator: "\n").first { $0.contains(" relay: \(message) ") }?
          .split(separator: " ").first { $0.hasPrefix("address=") }
          .flatMap { UInt16($0.split(separator: ":").last ?? "") }
      }

      /// Reads at most `limit` bytes of what is available.
      func read(_ limit: Int = .max) {
        var chunk = [UInt8](repeating: 0, count: min(limit, 65_536))
        var left = limit
        while left > 0 {
          let count = Glibc.read(reader, &chunk, min(chunk.count, left))
          guard count > 0 else { return }
          text += String(decoding: chunk[..<count], as: UTF8.self)
          left -= count
        }
      }

      var lines: [Substring] { text.split(separator: "\n") }
      var endsWithALine: Bool { text.hasSuffix("\n") }

      var dropped: Int {
        get throws {
          let body = try HTTP.get("/metrics", port: statusPort).body
          let name = "jm_directory_log_records_dropped_total "
          let line = body.split(separator: "\n").first { $0.hasPrefix(name) }
          return Int(line?.dropFirst(name.count) ?? "") ?? -1
        }
      }

      /// Fills the pipe: each signal makes the relay log a report of a dozen lines.
      func fill(until dropped: Int) throws {
        try eventually("\(dropped) records are dropped", within: 30) {
          child.signal(SIGUSR1)
          for _ in 0..<20 { _ = try TestPeer(.tcp(port)) }
          return try self.dropped >= dropped
        }
      }
    }

    @Test("A pipe that nobody reads stops nothing; lost records are counted and reported")
    func unread() throws {
      let relay = try Piped(["LOG_LEVEL": "debug"])
      try relay.fill(until: 200)
      // The reader takes one buffer and stops again.
      relay.read(8_192)
      try relay.fill(until: try relay.dropped + 200)
      #expect(try HTTP.get("/health", port: relay.statusPort).status == 200)
      // From now on the test reads, and the relay logs nothing new but the count.
      try eventually("the count is logged and the last line is complete") {
        relay.read()
        let told = relay.lines.compactMap { line -> Int? in
          guard line.contains("records were dropped") else { return nil }
          return Int(line.split(separator: "=").last ?? "")
        }
        return try told.reduce(0, +) == relay.dropped && relay.endsWithALine
      }
      for line in relay.lines {
        #expect(line.wholeMatch(of: #/\d{4}-\d\d-\d\dT[0-9:.]{12}Z [a-z]+ [a-z-]+: .*/#) != nil)
      }
    }

    @Test("SIGTERM ends a relay whose log nobody reads")
    func stopping() throws {
      let relay = try Piped(["LOG_LEVEL": "debug"])
      try relay.fill(until: 50)
      relay.child.signal(SIGTERM)
      #expect(try relay.child.waitForExit(within: 20) == 0)
    }

    @Test("A log whose reader has gone before the start ends nothing")
    func lost() throws {
      let directory = try TemporaryDirectory()
      let path = directory.path + "/log"
      try #require(mkfifo(path, 0o600) == 0)
      // The reader goes before the shell runs the product.
      let script = "while [ ! -e \(directory.path)/gone ]; do sleep 0.01; done; exec \"$@\""
      var reader: OwnedDescriptor? = OwnedDescriptor(
        open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC))
      let port = try ListeningSocket(listens: false).port
      let relay = try ChildProcess(
        "/bin/sh", ["-c", script, "sh", Product.server.path],
        RelayProcess.defaults.merging([
          "LOG_LEVEL": "debug", "HEALTH_CHECK_PORT": "\(port)", "PATH": "/usr/bin:/bin",
        ]) { $1 }, in: directory.path, out: directory.path + "/out", error: path)
      withExtendedLifetime(reader) {}
      reader = nil
      _ = FileManager.default.createFile(atPath: directory.path + "/gone", contents: nil)
      try eventually("it serves", within: 20) {
        if let code = relay.exitCode { throw TestFailure("it has ended with \(code)") }
        return (try? HTTP.get("/health", port: port).status) == 200
      }
      relay.signal(SIGTERM)
      #expect(try relay.waitForExit() == 0)
    }

    @Test("A log file at its limit ends nothing")
    func limited() throws {
      let relay = try RelayProcess(["LOG_LEVEL": "debug"], limits: Limits(fileSize: 8_192))
      for _ in 0..<200 { _ = try TestPeer(.tcp(try relay.port)) }
      try eventually("records are dropped") {
        try relay.metric("jm_directory_log_records_dropped_total") > 0
      }
      #expect(try relay.stop() == 0)
    }

    @Test(
      "Started with standard descriptors closed, it opens /dev/null in their place", .alone,
      arguments: [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]])
    func closed(descriptors: [Int32]) throws {
      // Two ports that were free a moment ago, because there may be no log that names the relay's
      // ports.
      let other = try RelayProcess()
      let ports = (peers: try other.port, status: other.statusPort)
      #expect(try other.stop() == 0)
      let relay = try RelayProcess(
        [
          "LOG_LEVEL": "trace", "PORT": "\(ports.peers)",
          "HEALTH_CHECK_PORT": "\(ports.status ?? 0)",
        ], limits: Limits(closed: descriptors), isReady: false)
      try relay.waitUntilItServes { ports.status }
      for descriptor in descriptors {
        let place = try FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/\(relay.child.pid)/fd/\(descriptor)")
        #expect(place == "/dev/null")
      }
      // Each connection causes log records. None of them may reach a peer or stop the event loop.
      let peers = try (1...20).map { _ in try TestPeer(.tcp(ports.peers)) }
      for peer in peers.dropFirst() { peer.close() }
      try peers[0].send(Hello.taker(1).frame)
      #expect(try peers[0].nextFrame().hasPrefix(#"{"type": 795, "#))
      try peers[0].expectNothing()
      let ticks = relay.processorTicks
      pause(seconds: 1)
      // In ticks of 10 ms.
      #expect(relay.processorTicks - ticks < 30, "it spins")
      #expect(try relay.stop() == 0)
    }
  }
}
