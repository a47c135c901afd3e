// The relay as its operator runs it: the built product in a directory of its own, with an
// environment that holds nothing but the given settings. What it says goes to a file that the tests
// read; the ports are learned from there.

import Foundation
import Glibc

final class RelayProcess {
  let child: ChildProcess
  /// What it answers as: the tests predict its 795 to the byte.
  static let motd = "hello"
  private let directory: TemporaryDirectory
  private let logPath: String

  static let defaults = [
    "ALLOW_ROOT": "true", "NETWORK": "regtest", "HOST": "127.0.0.1", "PORT": "0",
    "HEALTH_CHECK_PORT": "0", "MOTD": motd, "MOTD_VERSION": "false",
  ]

  /// Without the limits that a test of something else would run into.
  static let unlimited = [
    "MESSAGE_RATE_LIMIT": "0", "PUBLIC_RATE_LIMIT": "0", "ORDERBOOK_RATE_LIMIT": "0",
    "PEERLIST_RATE_LIMIT": "0", "PUBLIC_BYTES_LIMIT": "0", "FANOUT_RATE_LIMIT": "0",
    "FANOUT_BYTES_LIMIT": "0", "ORDERBOOK_TOTAL_LIMIT": "0",
  ]

  /// - Parameters:
  ///   - limits: what it is given or denied at its start.
  ///   - isReady: wait until it serves; false for one that is expected not to start.
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

  /// - Parameter port: of its status, once that is known. A log that is silent does not tell it.
  func waitUntilItServes(statusPort port: () -> UInt16?) throws {
    try eventually("the relay serves; its log: \(log)", within: 20) {
      if let code = child.exitCode { throw TestFailure("ended with \(code): \(log)") }
      guard let port = port() else { return false }
      // An answer says that the loop runs, so signals are handled, too.
      return (try? HTTP.get("/health", port: port).status) == 200
    }
  }

  // MARK: What it says

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
  var logLines: [String] { log.split(separator: "\n").map(String.init) }

  var port: UInt16 { get throws { try value(listeningPort, "a TCP port") } }
  var nick: String {
    get throws { try value(field("nick", of: "starting"), "its nick") }
  }

  var statusPort: UInt16? { portOf("status") }
  private var listeningPort: UInt16? { portOf("listening") }

  private func value<T>(_ value: T?, _ what: String) throws -> T {
    guard let value else { throw TestFailure("the log does not tell \(what): \(log)") }
    return value
  }

  private func portOf(_ record: String) -> UInt16? {
    field("address", of: record)?.split(separator: ":").last.flatMap { UInt16($0) }
  }

  /// The value of a field in the record with this message, in either form of the log.
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

  // MARK: What it holds

  /// Bytes of memory that are its own, as the kernel counts them.
  var residentBytes: Int { memory("VmRSS:") }

  /// The same without code and other pages of files, which come and go by themselves.
  var heapBytes: Int { memory("RssAnon:") }

  private func memory(_ kind: String) -> Int {
    let status = (try? String(contentsOfFile: "/proc/\(child.pid)/status", encoding: .utf8)) ?? ""
    for line in status.split(separator: "\n") where line.hasPrefix(kind) {
      return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 } ?? 0
    }
    return 0
  }

  /// Time on a processor, in the kernel's hundredths of a second.
  var processorTicks: Int {
    let stat = (try? String(contentsOfFile: "/proc/\(child.pid)/stat", encoding: .utf8)) ?? ""
    let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
    return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
  }

  var descriptorCount: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(child.pid)/fd")) ?? []).count
  }

  // MARK: Its end

  func stop(within seconds: Double = 15) throws -> Int32 {
    child.signal(SIGTERM)
    return try child.waitForExit(within: seconds)
  }
}
