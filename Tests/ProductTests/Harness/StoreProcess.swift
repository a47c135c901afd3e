// Runs the built jm-fd-store as an operator does, with a socket in a temporary directory.

import Foundation
import Glibc

final class StoreProcess {
  let child: ChildProcess
  let path: String
  private let logPath: String

  /// Starts it and waits until it listens.
  /// - Parameter path: the path of its socket.
  init(at path: String, _ arguments: [String] = []) throws {
    self.path = path
    logPath = path + ".log"
    child = try ChildProcess(
      Product.store.path, ["--socket", path, "--allow-root"] + arguments, [:], in: "/",
      out: "/dev/null", error: logPath)
    try waitForLog("listening on")
  }

  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  func waitForLog(_ text: String, within seconds: Double = 30) throws {
    try eventually("jm-fd-store logs \(text); its log: \(log)", within: seconds) {
      log.contains(text)
    }
  }

  var descriptorCount: Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(child.pid)/fd")) ?? []).count
  }
}
