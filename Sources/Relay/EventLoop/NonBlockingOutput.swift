import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes to a descriptor and never waits for its reader.
///
/// Safe: the kernel reads at most as many bytes as there are, and fills in values of their type.
package struct NonBlockingOutput: ~Copyable {
  private enum Way {
    /// A socket, such as systemd's journal: `send` with MSG_DONTWAIT.
    case socket
    /// A pipe or terminal that was opened anew as non-blocking.
    case nonBlocking
    /// Anything else: polled before each write, which is at most what a writable pipe takes at
    /// once.
    case polled
  }

  private let number: Int32
  private let way: Way
  private let owned: Descriptor?

  /// Writes to an open descriptor, which the caller still owns. Its flags are not changed, because
  /// other processes may share them.
  package init(borrowing number: Int32) {
    self.number = number
    owned = nil
    way = Self.kind(of: number) == S_IFSOCK ? .socket : .polled
  }

  private init(owning descriptor: consuming Descriptor) {
    number = descriptor.number
    way = .nonBlocking
    owned = .some(consume descriptor)
  }

  /// Writes to standard error. A pipe or a terminal is opened anew as non-blocking, so that other
  /// processes with the same descriptor are not affected.
  package static func standardError() -> NonBlockingOutput {
    let kind = kind(of: 2)
    if kind == S_IFIFO || kind == S_IFCHR {
      // EACCES when another user has created it. Then it is polled.
      #if os(Linux)
        let path = "/proc/self/fd/2"
      #else
        let path = "/dev/fd/2"
      #endif
      let flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
      if let opened = unsafe Descriptor(result: open(path, flags)) {
        return NonBlockingOutput(owning: opened)
      }
    }
    return NonBlockingOutput(borrowing: 2)
  }

  /// - Returns: the number of bytes taken.
  package func write(_ bytes: ByteView) -> Int {
    var taken = 0
    while taken < bytes.count {
      let count = writeSome(bytes.part(taken..<bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      taken += count
    }
    return taken
  }

  private func writeSome(_ bytes: ByteView) -> Int {
    switch way {
    case .socket:
      #if os(Linux)
        return unsafe send(number, bytes.start, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      #else
        return send(number, bytes.start, bytes.count, MSG_DONTWAIT)
      #endif
    case .nonBlocking: return unsafe systemWrite(number, bytes.start, bytes.count)
    case .polled:
      var entry = pollfd(fd: number, events: Int16(POLLOUT), revents: 0)
      guard unsafe poll(&entry, 1, 0) > 0 else { return 0 }
      return unsafe systemWrite(number, bytes.start, min(bytes.count, Self.pipeBuffer))
    }
  }

  /// PIPE_BUF of Linux.
  private static let pipeBuffer = 4096

  private static func kind(of number: Int32) -> mode_t {
    var status = stat()
    return unsafe fstat(number, &status) == 0 ? status.st_mode & S_IFMT : 0
  }
}

/// write(2) under another name, because `NonBlockingOutput.write` hides it.
private func systemWrite(_ number: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
  unsafe write(number, bytes, count)
}
