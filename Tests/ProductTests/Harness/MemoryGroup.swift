// A memory cgroup of a test's own, of either version. Making one takes root and a file system of
// cgroups that can be written to; a test says what it does instead where there is none.

import Foundation
import Glibc

final class MemoryGroup {
  private let path: String
  private let isUnified: Bool

  /// - Returns: `nil` where none can be made.
  init?(limit: Int) {
    let name = "jm-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    isUnified = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
    path = (isUnified ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/memory/") + name
    guard mkdir(path, 0o755) == 0 else { return nil }
    // Memory swapped out would not be less memory.
    guard Self.write("\(limit)", to: path + (isUnified ? "/memory.max" : "/memory.limit_in_bytes"))
    else {
      rmdir(path)
      return nil
    }
    _ = Self.write("0", to: path + (isUnified ? "/memory.swap.max" : "/memory.swappiness"))
  }

  deinit { rmdir(path) }

  /// For a shell that is about to become the process to be limited.
  var entering: String { "echo $$ >\(path)/cgroup.procs && " }

  /// How often the kernel has killed somebody in here for want of memory.
  var kills: Int? {
    let file = path + (isUnified ? "/memory.events" : "/memory.oom_control")
    let text = try? String(contentsOfFile: file, encoding: .utf8)
    return text?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
      .flatMap { Int($0.split(separator: " ")[1]) }
  }

  /// The most that was ever used, in bytes, with what the kernel holds for it as far as it counts
  /// that.
  var peak: Int? {
    let file = path + (isUnified ? "/memory.peak" : "/memory.max_usage_in_bytes")
    let text = try? String(contentsOfFile: file, encoding: .utf8)
    return text.flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  private static func write(_ text: String, to file: String) -> Bool {
    let descriptor = open(file, O_WRONLY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count
  }
}
