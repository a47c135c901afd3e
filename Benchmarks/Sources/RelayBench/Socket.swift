#if os(Linux)
  import CEpoll
  import Glibc

  /// An error that ends a measurement, with a message for the user.
  struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }

    /// Returns the error of a failed system call, from errno.
    static func system(_ what: String) -> BenchError {
      BenchError("\(what): \(String(cString: strerror(errno)))")
    }
  }

  /// The address of a directory node: IPv4 and a port, or the path of a Unix socket.
  enum Address: Sendable, CustomStringConvertible {
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    var description: String {
      switch self {
      case .tcp(let host, let port): "\(host):\(port)"
      case .unix(let path): path
      }
    }

    /// Reads `HOST:PORT`; the host is a dotted IPv4 address or `localhost`.
    static func tcp(_ text: String) throws(BenchError) -> Address {
      let parts = text.split(separator: ":")
      guard parts.count == 2, let port = UInt16(parts[1]), port > 0 else {
        throw BenchError("\(text): not HOST:PORT")
      }
      return .tcp(host: parts[0] == "localhost" ? "127.0.0.1" : String(parts[0]), port: port)
    }

    /// Calls `body` with this address as a `sockaddr`.
    func withSockaddr<R>(
      _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) throws(BenchError) -> R
    ) throws(BenchError) -> R {
      switch self {
      case .tcp(let host, let port):
        var address = try Self.inet(host, port)
        return try Self.raw(&address) { a, n throws(BenchError) in try body(AF_INET, a, n) }
      case .unix(let path):
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        let bytes = Array(path.utf8)
        guard bytes.count < room else {
          throw BenchError("\(path): a Unix socket's path has at most \(room - 1) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return try Self.raw(&address) { a, n throws(BenchError) in try body(AF_UNIX, a, n) }
      }
    }

    static func inet(_ host: String, _ port: UInt16) throws(BenchError) -> sockaddr_in {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
        throw BenchError("\(host): not an IPv4 address")
      }
      return address
    }

    static func raw<A, R>(
      _ address: inout A,
      _ body: (UnsafePointer<sockaddr>, socklen_t) throws(BenchError) -> R
    ) throws(BenchError) -> R {
      let size = socklen_t(MemoryLayout<A>.size)
      let result = withUnsafePointer(to: &address) { pointer in
        Result<R, BenchError> { () throws(BenchError) in
          try body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), size)
        }
      }
      return try result.get()
    }
  }

  /// The socket calls of the bench. Hides C types and errno.
  enum Socket {
    static let stream = Int32(SOCK_STREAM.rawValue)
    static let packets = Int32(SOCK_SEQPACKET.rawValue)
    static let nonblocking = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)

    /// Returns a listening socket. Removes the old file of a Unix socket first.
    static func listen(on address: Address) throws(BenchError) -> Int32 {
      if case .unix(let path) = address { unlink(path) }
      return try address.withSockaddr { family, raw, size throws(BenchError) in
        let fd = socket(family, stream | nonblocking, 0)
        guard fd >= 0 else { throw .system("socket") }
        set(fd, SOL_SOCKET, SO_REUSEADDR, 1)
        guard bind(fd, raw, size) == 0, Glibc.listen(fd, 4096) == 0 else {
          let error = BenchError.system("listening on \(address)")
          close(fd)
          throw error
        }
        return fd
      }
    }

    enum Connecting {
      case started(Int32)
      case busy
    }

    /// Begins to connect. `busy`: the listen queue of a Unix socket is full; try again later.
    static func connect(to address: Address, from source: String?) throws(BenchError) -> Connecting
    {
      try address.withSockaddr { family, raw, size throws(BenchError) in
        let fd = socket(family, stream | nonblocking, 0)
        guard fd >= 0 else { throw .system("socket") }
        if family == AF_INET {
          set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
          if let source {
            var from = try Address.inet(source, 0)
            let bound = try Address.raw(&from) { a, n in bind(fd, a, n) }
            guard bound == 0 else { throw .system("binding to \(source)") }
          }
        }
        if Glibc.connect(fd, raw, size) == 0 || errno == EINPROGRESS { return .started(fd) }
        let refusal = errno
        let error = BenchError.system("connecting to \(address)")
        close(fd)
        if refusal == EAGAIN { return .busy }
        throw error
      }
    }

    /// Returns why a started connection failed, nil if it is established.
    static func refusal(_ fd: Int32) -> String? {
      var error: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size)
      return error == 0 ? nil : String(cString: strerror(error))
    }

    static func set(_ fd: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
      var value = value
      setsockopt(fd, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Closes with a reset, so that no port is in TIME_WAIT during the next scenario.
    static func abort(_ fd: Int32) {
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
      close(fd)
    }

    /// Sends and returns the bytes taken (0: the socket is full), or nil if the connection is
    /// broken.
    static func send(_ fd: Int32, _ bytes: UnsafePointer<UInt8>, _ n: Int) -> Int? {
      while true {
        let sent = Glibc.send(fd, bytes, n, Int32(MSG_NOSIGNAL))
        if sent >= 0 { return sent }
        if errno == EINTR { continue }
        return errno == EAGAIN ? 0 : nil
      }
    }

    enum Received {
      case bytes(Int)
      case nothing
      case ended
    }

    static func receive(_ fd: Int32, into buffer: UnsafeMutablePointer<UInt8>, _ room: Int)
      -> Received
    {
      while true {
        let n = recv(fd, buffer, room, 0)
        if n > 0 { return .bytes(n) }
        if n == 0 { return .ended }
        if errno == EINTR { continue }
        return errno == EAGAIN ? .nothing : .ended
      }
    }
  }

  /// epoll, level-triggered, with the descriptor's number or the peer's index as the tag.
  struct Poller {
    static let readable = EPOLLIN.rawValue
    static let writable = EPOLLOUT.rawValue
    private let fd: Int32
    private let events: UnsafeMutableBufferPointer<epoll_event>

    init(capacity: Int = 1024) throws(BenchError) {
      fd = epoll_create1(Int32(EPOLL_CLOEXEC))
      guard fd >= 0 else { throw .system("epoll_create1") }
      events = .allocate(capacity: capacity)
      events.initialize(repeating: epoll_event())
    }

    func close() {
      Glibc.close(fd)
      events.deallocate()
    }

    func add(_ socket: Int32, _ interest: UInt32, tag: Int32) {
      control(EPOLL_CTL_ADD, socket, interest, tag)
    }
    func change(_ socket: Int32, _ interest: UInt32, tag: Int32) {
      control(EPOLL_CTL_MOD, socket, interest, tag)
    }

    private func control(_ operation: Int32, _ socket: Int32, _ interest: UInt32, _ tag: Int32) {
      var event = epoll_event()
      event.events = interest
      event.data.fd = tag
      epoll_ctl(fd, operation, socket, &event)
    }

    /// Waits at most `milliseconds` (-1: without a limit). Returns the number of ready descriptors.
    func wait(_ milliseconds: Int32) -> Int {
      Int(max(0, epoll_wait(fd, events.baseAddress, Int32(events.count), milliseconds)))
    }

    /// Returns the tag and the events of the `i`th ready descriptor.
    func ready(_ i: Int) -> (tag: Int32, what: UInt32) { (events[i].data.fd, events[i].events) }
  }

  /// The monotonic clock.
  enum Clock {
    /// Returns nanoseconds since an arbitrary start, which all processes of this machine share.
    static func now() -> Int64 {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static func sleep(milliseconds: Int64) {
      var time = timespec(
        tv_sec: Int(milliseconds / 1000), tv_nsec: Int(milliseconds % 1000) * 1_000_000)
      nanosleep(&time, nil)
    }
  }
#endif
