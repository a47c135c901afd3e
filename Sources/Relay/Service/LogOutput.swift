#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Writes log lines to a descriptor and never waits for its reader.
///
/// A line that is not taken is dropped and counted. The kernel may take the beginning of a line
/// that is longer than PIPE_BUF: the rest is kept and goes out before anything else, so no reader
/// finds part of a line with another behind it.
struct LogOutput: ~Copyable {
  private enum Way {
    /// A socket, as systemd's journal hands it out: `send` with MSG_DONTWAIT.
    case socket
    /// A pipe or terminal of our own opening, which does not wait.
    case nonBlocking
    /// Anything else: polled before each write, which is at most what a pipe with free space takes
    /// at once.
    case polled
  }

  private let descriptor: Int32
  private let way: Way
  private let isOwned: Bool
  private var rest: [UInt8] = []
  /// Lines that were not taken since the last report of them.
  private(set) var unreported = 0
  /// Lines that were not taken since the start.
  private(set) var dropped = 0

  /// Writes to `descriptor`, which stays the caller's. Its flags are not changed: other processes
  /// may share them.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    isOwned = false
    way = Self.kind(of: descriptor) == S_IFSOCK ? .socket : .polled
  }

  /// Writes to where standard error leads. A pipe or a terminal is opened anew, so that writing to
  /// it does not wait, while others who hold the same descriptor notice nothing.
  static func standardError() -> LogOutput {
    let kind = kind(of: 2)
    if kind == S_IFIFO || kind == S_IFCHR {
      // EACCES when another user has made it: then it is polled.
      #if os(Linux)
        let path = "/proc/self/fd/2"
      #else
        let path = "/dev/fd/2"
      #endif
      let opened = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
      if opened >= 0 { return LogOutput(owning: opened) }
    }
    return LogOutput(2)
  }

  private init(owning descriptor: Int32) {
    self.descriptor = descriptor
    isOwned = true
    way = .nonBlocking
  }

  deinit { if isOwned { close(descriptor) } }

  /// Writes one line, or counts it as dropped.
  /// - Parameter report: makes the line that tells how many were dropped before this one.
  mutating func write(_ line: String, report: (Int) -> String) {
    if !catchUp(report: report) || !put(line) {
      unreported += 1
      dropped += 1
    }
  }

  /// Writes what is left of a line, and tells of those that were dropped.
  /// - Returns: false while that is not taken.
  @discardableResult
  mutating func catchUp(report: (Int) -> String) -> Bool {
    if !rest.isEmpty {
      let taken = rest.withUnsafeBytes { push($0) }
      rest.removeFirst(taken)
      guard rest.isEmpty else { return false }
    }
    guard unreported > 0 else { return true }
    guard put(report(unreported)) else { return false }
    unreported = 0
    return rest.isEmpty
  }

  private mutating func put(_ line: String) -> Bool {
    let bytes = Array(line.utf8)
    let taken = bytes.withUnsafeBytes { push($0) }
    if taken > 0 { rest = Array(bytes[taken...]) }
    return taken > 0
  }

  /// - Returns: how many bytes were taken.
  private func push(_ bytes: UnsafeRawBufferPointer) -> Int {
    var taken = 0
    while taken < bytes.count {
      let count = writeSome(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      taken += count
    }
    return taken
  }

  private func writeSome(_ bytes: UnsafeRawBufferPointer) -> Int {
    switch way {
    case .socket:
      #if canImport(Darwin)
        return send(descriptor, bytes.baseAddress, bytes.count, MSG_DONTWAIT)
      #else
        return send(
          descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      #endif
    case .nonBlocking: return systemWrite(descriptor, bytes.baseAddress, bytes.count)
    case .polled:
      var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&entry, 1, 0) > 0 else { return 0 }
      return systemWrite(descriptor, bytes.baseAddress, min(bytes.count, Self.pipeBuffer))
    }
  }

  /// PIPE_BUF of Linux.
  private static let pipeBuffer = 4096

  private static func kind(of descriptor: Int32) -> mode_t {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
  }
}

/// write(2) by another name, since `LogOutput.write` hides it.
private func systemWrite(_ fd: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  write(fd, bytes, count)
}
