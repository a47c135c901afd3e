// Where the built products and the recorded conversations are, how one of the products is run to
// its end, and the two ways in which a test waits: for a condition, and for a process. No wait is
// without its deadline.

import Foundation
import Glibc

struct TestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// Seconds on a clock that only goes forward.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Between two looks at a condition; never instead of one.
func pause(seconds: Double) {
  var time = timespec(
    tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
  nanosleep(&time, nil)
}

/// Looks again and again until `condition` holds.
/// - Throws: with what was waited for, when it does not hold within `seconds`.
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

/// A directory of its own that goes with its owner.
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

  /// The products are built into the directory in which the bundle of the test data stands; the
  /// benchmark is a package of its own (`make soak` builds it in release).
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

  /// Runs the product to its end.
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

/// What a process is given at its start besides settings.
struct Limits {
  /// How many descriptors it may have open, if not as many as the test.
  var descriptors: Int?
  /// Bytes of address space: beyond them an allocation fails.
  var addressSpace: Int?
  /// Bytes that a file of its own may have, in steps of 512.
  var fileSize: Int?
  /// Whose memory it shares.
  var memory: MemoryGroup?
  /// Sockets that listen already, handed over as sd_listen_fds(3) has it.
  var listening: [Int32] = []
  /// Variables meant for this process alone, as sd_listen_fds(3) has it: LISTEN_PID is its own.
  var variables: [String: String] = [:]
  /// Standard descriptors that are closed.
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

/// A process that a test has started. It does not outlive its owner.
final class ChildProcess {
  let pid: pid_t
  private var status: Int32?
  /// Goes when the process has gone.
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
    // posix_spawn itself cannot change the directory everywhere. The shell becomes the product, so
    // the pid is its own.
    let shell = ["/bin/sh", "-c", limits.shell + #"cd "$0" && exec "$@""#, directory, path]
    for (index, descriptor) in limits.listening.enumerated() {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(3 + index))
    }
    // What other tests hold at the same time must not count for a product with a limit.
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

  /// Its exit code once it has ended; 128 and the signal if one ended it, as a shell says it.
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

  /// Whether the kernel keeps its memory from other processes of its user (PR_SET_DUMPABLE 0): its
  /// files in /proc belong to root then. Says nothing of a process of root.
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
