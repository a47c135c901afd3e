import EventLoop
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A client socket whose calls block until a deadline at most. The command-line tools use it,
/// because they have no event loop.
final class ClientSocket {
  enum Failure: Error, Equatable {
    case unknownHost
    case badPath
    case notConnected(errno: Int32)
    case lost(errno: Int32)
    case timedOut
    case tooLarge
  }

  struct Deadline {
    private let end: ContinuousClock.Instant

    init(after timeout: Duration) { end = ContinuousClock.now + timeout }

    /// The time left for poll(2), rounded up; 0 after the deadline.
    var milliseconds: Int32 {
      let left = (end - ContinuousClock.now).nanoseconds
      return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
    }
  }

  private let descriptor: Int32

  init(to endpoint: SocketAddress, before deadline: Deadline) throws(Failure) {
    descriptor =
      switch endpoint {
      case .unix(let path): try Self.connect(unix: path, before: deadline)
      case .tcp(let host, let port): try Self.connect(host: host, port: port, before: deadline)
      }
  }

  deinit { close(descriptor) }

  private static func connect(unix path: String, before deadline: Deadline)
    throws(Failure) -> Int32
  {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
      let bytes = Array(path.utf8)
      guard bytes.count < room.count, !bytes.contains(0) else { return false }
      room.copyBytes(from: bytes)
      return true
    }
    guard fits else { throw .badPath }
    let result = withUnsafeBytes(of: &address) {
      open(family: AF_UNIX, address: $0, before: deadline)
    }
    return try result.get()
  }

  private static func connect(host: String, port: UInt16, before deadline: Deadline)
    throws(Failure) -> Int32
  {
    let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
    var hints = addrinfo()
    #if canImport(Darwin)
      hints.ai_socktype = SOCK_STREAM
    #else
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, "\(port)", &hints, &list) == 0 else { throw .unknownHost }
    defer { freeaddrinfo(list) }
    var failure = Failure.unknownHost
    var next = list
    while let entry = next?.pointee {
      let address = UnsafeRawBufferPointer(start: entry.ai_addr, count: Int(entry.ai_addrlen))
      switch open(family: entry.ai_family, address: address, before: deadline) {
      case .success(let descriptor): return descriptor
      case .failure(let reason): failure = reason
      }
      next = entry.ai_next
    }
    throw failure
  }

  /// Calls socket(2), connect(2), and poll(2) until the connection stands.
  private static func open(
    family: Int32, address: UnsafeRawBufferPointer, before deadline: Deadline
  )
    -> Result<Int32, Failure>
  {
    #if canImport(Darwin)
      let fd = socket(family, SOCK_STREAM, 0)
    #else
      let fd = socket(family, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    guard fd >= 0 else { return .failure(.notConnected(errno: errno)) }
    _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
    _ = fcntl(fd, F_SETFL, O_NONBLOCK)
    let started = address.withMemoryRebound(to: sockaddr.self) {
      #if canImport(Darwin)
        Darwin.connect(fd, $0.baseAddress, socklen_t(address.count))
      #else
        Glibc.connect(fd, $0.baseAddress, socklen_t(address.count))
      #endif
    }
    if started == 0 { return .success(fd) }
    var failure = Failure.notConnected(errno: errno)
    if errno == EINPROGRESS || errno == EINTR {
      var code: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      if !wait(fd, for: POLLOUT, before: deadline) {
        failure = .timedOut
      } else if getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 {
        return .success(fd)
      } else {
        failure = .notConnected(errno: code)
      }
    }
    close(fd)
    return .failure(failure)
  }

  /// Returns false when the deadline passed first.
  private static func wait(_ fd: Int32, for events: Int32, before deadline: Deadline) -> Bool {
    var entry = pollfd(fd: fd, events: Int16(events), revents: 0)
    while true {
      let left = deadline.milliseconds
      // A slow stream of bytes is always ready, so the deadline is checked as well.
      guard left > 0 else { return false }
      let n = poll(&entry, 1, left)
      if n > 0 { return true }
      if n == 0 || errno != EINTR { return false }
    }
  }

  func send(_ bytes: [UInt8], before deadline: Deadline) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      let n = bytes[sent...].withUnsafeBytes { transmit(descriptor, $0) }
      if n >= 0 {
        sent += n
      } else if errno == EAGAIN {
        guard Self.wait(descriptor, for: POLLOUT, before: deadline) else { throw .timedOut }
      } else if errno != EINTR {
        throw .lost(errno: errno)
      }
    }
  }

  /// Waits for bytes and returns them; empty at the end of the stream.
  func receive(before deadline: Deadline) throws(Failure) -> [UInt8] {
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      guard Self.wait(descriptor, for: POLLIN, before: deadline) else { throw .timedOut }
      let n = recv(descriptor, &chunk, chunk.count, 0)
      if n >= 0 { return Array(chunk[..<n]) }
      guard errno == EAGAIN || errno == EINTR else { throw .lost(errno: errno) }
    }
  }

  func readToEnd(limit: Int, before deadline: Deadline) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let chunk = try receive(before: deadline)
      if chunk.isEmpty { return bytes }
      bytes += chunk
      if bytes.count > limit { throw .tooLarge }
    }
  }
}

/// send(2) without the signal that a closed peer would raise.
private func transmit(_ fd: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  #if canImport(Darwin)
    send(fd, bytes.baseAddress, bytes.count, 0)
  #else
    send(fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
  #endif
}
