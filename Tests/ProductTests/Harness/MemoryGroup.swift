// A memory cgroup for one test, version 1 or 2. Creating one needs root and a writable cgroup file
// system. A test without one prints what it does instead.

import Foundation
import Glibc

final class MemoryGroup {
  private let path: String
  private let isUnified: Bool

  /// - Returns: `nil` if no cgroup can be created.
  init?(limit: Int) {
    let name = "jm-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    isUnified = FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cgroup.controllers")
    path = (isUnified ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/memory/") + name
    guard mkdir(path, 0o755) == 0 else { return nil }
    // Swap is turned off, too: swapped-out memory would not count towards the limit.
    guard Self.write("\(limit)", to: path + (isUnified ? "/memory.max" : "/memory.limit_in_bytes"))
    else {
      rmdir(path)
      return nil
    }
    _ = Self.write("0", to: path + (isUnified ? "/memory.swap.max" : "/memory.swappiness"))
  }

  deinit { rmdir(path) }

  /// A shell command that moves the shell into the group before it executes the process.
  var entering: String { "echo $$ >\(path)/cgroup.procs && " }

  /// The number of processes of the group that the kernel has killed for lack of memory.
  var kills: Int? {
    let file = path + (isUnified ? "/memory.events" : "/memory.oom_control")
    let text = try? String(contentsOfFile: file, encoding: .utf8)
    return text?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
      .flatMap { Int($0.split(separator: " ")[1]) }
  }

  /// The peak memory use, in bytes, including the kernel memory that the kernel accounts to the
  /// group.
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
