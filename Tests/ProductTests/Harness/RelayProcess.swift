// Runs the built relay as an operator does, in a temporary directory, with an environment of the
// given settings only. Its log goes to a file. The tests read it and learn the ports from it.

import Foundation
import Glibc

final class RelayProcess {
  let child: ChildProcess
  /// The MOTD of the relay: the tests expect the exact bytes of its 795.
  static let motd = "hello"
  private let directory: TemporaryDirectory
  private let logPath: String

  static let defaults = [
    "ALLOW_ROOT": "true", "NETWORK": "regtest", "HOST": "127.0.0.1", "PORT": "0",
    "HEALTH_CHECK_PORT": "0", "MOTD": motd, "MOTD_VERSION": "false",
  ]

  /// Turns off the limits, for tests that do not test limits.
  static let unlimited = [
    "MESSAGE_RATE_LIMIT": "0", "PUBLIC_RATE_LIMIT": "0", "ORDERBOOK_RATE_LIMIT": "0",
    "PEERLIST_RATE_LIMIT": "0", "PUBLIC_BYTES_LIMIT": "0", "FANOUT_RATE_LIMIT": "0",
    "FANOUT_BYTES_LIMIT": "0", "ORDERBOOK_TOTAL_LIMIT": "0",
  ]

  /// - Parameters:
  ///   - limits: the resources of the process.
  ///   - isReady: waits until it serves. False for a relay that is expected not to start.
  init(
    _ settings: [String: String] = [:], arguments: [String] = [], limits: Limits = Limits(),
    isReady: Bool = true
  ) throws {
    directory = try TemporaryDirectory()
    logPath = directory.path + "/log"
    child = try ChildProcess(
      Product.server.path, arguments, Self.defaults.merging(settings) { _, new in new },
      in: directory.path, out: directory.path + "/out", error: logPath, limits: limits)
    guard isReady else { return }
    try waitUntilItServes { statusPort }
  }

  /// - Parameter port: returns the status port once it is known. A silent log does not contain it.
  func waitUntilItServes(statusPort port: () -> UInt16?) throws {
    try eventually("the relay serves; its log: \(log)", within: 20) {
      if let code = child.exitCode { throw TestFailure("ended with \(code): \(log)") }
      guard let port = port() else { return false }
      // An answer proves that the event loop runs, so signals are handled, too.
      return (try? HTTP.get("/health", port: port).status) == 200
    }
  }

  // MARK: Log

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
  var logLines: [String] { log.split(separator: "\n").map(String.init) }

  var port: UInt16 { get throws { try value(listeningPort, "a TCP port") } }
  var nick: String {
    get throws { try value(field("nick", of: "starting"), "its nick") }
  }

  var statusPort: UInt16? { portOf("status") }
  private var listeningPort: UInt16? { portOf("listening") }

  private func value<T>(_ value: T?, _ what: String) throws -> T {
    guard let value else { throw TestFailure("the log does not name \(what): \(log)") }
    return value
  }

  private func portOf(_ record: String) -> UInt16? {
    field("address", of: record)?.split(separator: ":").last.flatMap { UInt16($0) }
  }

  /// The value of a field in the record with this message, in the text or JSON log.
  private func field(_ name: String, of message: String) -> String? {
    for line in logLines where !line.contains("unix:") {
      let start: String
      if line.contains(" relay: \(message) ") {
        start = " \(name)="
      } else if line.contains("\"message\":\"\(message)\"") {
        start = "\"\(name)\":\""
      } else {
        continue
      }
      guard let found = line.firstRange(of: start) else { continue }
      return String(line[found.upperBound...].prefix { $0 != " " && $0 != "\"" })
    }
    return nil
  }

  // MARK: Resources

  /// The resident memory (RSS), in bytes.
  var residentBytes: Int { memory("VmRSS:") }

  /// The anonymous resident memory, in bytes: without file pages, which the kernel loads and drops
  /// at will.
  var heapBytes: Int { memory("RssAnon:") }

  private func memory(_ kind: String) -> Int {
    let status = (try? String(contentsOfFile: "/proc/\(child.pid)/status", encoding: .utf8)) ?? ""
    for line in status.split(separator: "\n") where line.hasPrefix(kind) {
      return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 } ?? 0
    }
    return 0
  }

  /// The CPU time, in the kernel's ticks of 10 ms.
  var processorTicks: Int {
    let stat = (try? String(contentsOfFile: "/proc/\(child.pid)/stat", encoding: .utf8)) ?? ""
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
  }

  var descriptorCount: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(child.pid)/fd")) ?? []).count
  }

  // MARK: Stop

  func stop(within seconds: Double = 15) throws -> Int32 {
    child.signal(SIGTERM)
    return try child.waitForExit(within: seconds)
  }
}
