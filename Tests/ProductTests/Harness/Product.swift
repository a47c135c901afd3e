// Finds the built products and the recorded conversations, runs a product to its end, and waits for
// a condition or a process. Every wait has a timeout.

import Foundation
import Glibc

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Seconds on a monotonic clock.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Pauses between two checks of a condition. It must not replace the check.
func pause(seconds: Double) {
  var time = timespec(
    tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
  nanosleep(&time, nil)
}

/// Polls until `condition` holds.
/// - Throws: names `what` if the condition does not hold within `seconds`.
func eventually(
  _ what: @autoclosure () -> String, within seconds: Double = 10, _ condition: () throws -> Bool
) throws {
  let deadline = monotonicSeconds() + seconds
  while try !condition() {
    guard monotonicSeconds() < deadline else {
      throw TestFailure("not within \(seconds) s: \(what())")
    }
    pause(seconds: 0.002)
  }
}

/// A temporary directory that is removed when the object is released.
final class TemporaryDirectory {
  let path: String

  init() throws {
    var template = Array((FileManager.default.temporaryDirectory.path + "/jm-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("no temporary directory") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

enum Product: String {
  case server = "jm-directory-server"
  case control = "jm-directory-ctl"
  case store = "jm-fd-store"
  case bench = "jm-directory-bench"

  /// The products are in the directory of the test data's bundle. The benchmark is a separate
  /// package (`make soak` builds it in release).
  var path: String {
    if self == .bench {
      return URL(filePath: #filePath).appending(path: "../../../../Benchmarks/.build/release")
        .appending(path: rawValue).standardizedFileURL.path
    }
    return Bundle.module.bundleURL.deletingLastPathComponent().appendingPathComponent(rawValue).path
  }

  static func recording(_ name: String) throws -> String {
    let url = Bundle.module.bundleURL.appendingPathComponent("Data/\(name).jsonl")
    return try String(contentsOf: url, encoding: .utf8)
  }

  struct Outcome {
    let status: Int32
    let out: String
    let error: String
  }

  /// Runs the product and waits until it exits.
  func run(
    _ arguments: [String], _ environment: [String: String] = [:], within seconds: Double = 20
  ) throws -> Outcome {
    let directory = try TemporaryDirectory()
    let out = directory.path + "/out"
    let error = directory.path + "/error"
    let child = try ChildProcess(
      path, arguments, environment, in: directory.path, out: out, error: error)
    let status = try child.waitForExit(within: seconds)
    return Outcome(
      status: status, out: try String(contentsOfFile: out, encoding: .utf8),
      error: try String(contentsOfFile: error, encoding: .utf8))
  }
}

/// The resources of a process at its start, besides its settings.
struct Limits {
  /// The limit of open descriptors. Nil: that of the test.
  var descriptors: Int?
  /// The limit of the address space, in bytes. Allocations beyond it fail.
  var addressSpace: Int?
  /// Bytes that a file of its own may have, in steps of 512.
  var fileSize: Int?
  /// The memory cgroup that it runs in.
  var memory: MemoryGroup?
  /// Listening sockets that it inherits as in sd_listen_fds(3).
  var listening: [Int32] = []
  /// Environment variables for this process alone: they are set together with its LISTEN_PID
  /// (sd_listen_fds(3)).
  var variables: [String: String] = [:]
  /// Standard descriptors that are closed at its start.
  var closed: [Int32] = []

  fileprivate var shell: String {
    (descriptors.map { "ulimit -n \($0) && " } ?? "")
      + (addressSpace.map { "ulimit -v \($0 / 1024) && " } ?? "")
      + (fileSize.map { "ulimit -f \($0 / 512) && " } ?? "")
      + (memory?.entering ?? "")
      + closed.map { "exec \($0)>&- && " }.joined()
      + variables.map { "export LISTEN_PID=$$ \($0.key)=\($0.value) && " }.joined()
      + (listening.isEmpty
        ? "" : "export LISTEN_PID=$$ LISTEN_FDS=\(listening.count) && ")
  }
}

/// A process that a test has started. It is killed when the object is released.
final class ChildProcess {
  let pid: pid_t
  private var status: Int32?
  /// Released, and so removed, after the process has ended.
  private let memory: MemoryGroup?

  init(
    _ path: String, _ arguments: [String], _ environment: [String: String], in directory: String,
    out: String, error: String, limits: Limits = Limits()
  ) throws {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (descriptor, file) in [(Int32(1), out), (Int32(2), error)] {
      posix_spawn_file_actions_addopen(
        &actions, descriptor, file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    }
    // Not every posix_spawn can change the directory. The shell executes the product, so the pid
    // stays the same.
    let shell = ["/bin/sh", "-c", limits.shell + #"cd "$0" && exec "$@""#, directory, path]
    for (index, descriptor) in limits.listening.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
    }
    // Descriptors of other tests must not count towards the product's limit.
    let held = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
    for descriptor in held.compactMap({ Int32($0) }) where descriptor > 2 {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }
    var argv = (shell + arguments).map { strdup($0) } + [nil]
    var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    // The thread that runs a test may have signals blocked; the product must not inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var child = pid_t()
    let code = posix_spawn(&child, shell[0], &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw TestFailure("\(path): \(String(cString: strerror(code)))") }
    pid = child
    memory = limits.memory
  }

  deinit {
    guard !hasExited else { return }
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }

  func signal(_ number: Int32) { kill(pid, number) }

  /// Its exit code once it has ended. If a signal ended it: 128 plus the signal, as in a shell.
  var exitCode: Int32? {
    if status == nil {
      var word: Int32 = 0
      guard waitpid(pid, &word, WNOHANG) == pid else { return nil }
      status = word & 0x7f == 0 ? (word >> 8) & 0xff : 128 + (word & 0x7f)
    }
    return status
  }

  var hasExited: Bool { exitCode != nil }

  /// Whether SIGSTOP has reached it.
  var isStopped: Bool {
    let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    return stat.split(separator: ")").last?.hasPrefix(" T") == true
  }

  /// Whether the kernel hides its memory from other processes of its user (PR_SET_DUMPABLE 0). Its
  /// files in /proc then belong to root. Meaningless for a process of root.
  var isHidden: Bool {
    var status = stat()
    return stat("/proc/\(pid)/environ", &status) == 0 && status.st_uid == 0
  }

  @discardableResult
  func waitForExit(within seconds: Double = 10) throws -> Int32 {
    try eventually("process \(pid) ends", within: seconds) { hasExited }
    return exitCode ?? -1
  }
}
