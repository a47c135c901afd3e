import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Creates, binds, connects and accepts sockets.
///
/// Safe: the kernel reads or fills in what it is given with its length, and keeps no address.
extension Descriptor {
  // MARK: Creation

  /// Returns a non-blocking, close-on-exec stream socket.
  static func streamSocket(family: Int32) -> Descriptor? {
    #if os(Linux)
      let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
      return Descriptor(result: socket(family, Int32(type), 0))
    #else
      guard let made = Descriptor(result: socket(family, SOCK_STREAM, 0)) else { return nil }
      made.makeNonBlocking()
      made.closeOnExec()
      return made
    #endif
  }

  static func streamSocket(
    for place: KernelAddress, at address: SocketAddress
  ) throws(SocketError) -> Descriptor {
    guard let made = streamSocket(family: place.family) else {
      throw .system(call: "socket", code: errno, address: address)
    }
    return made
  }

  /// Returns a Unix socket for datagrams, or for packets on a connection.
  /// - Parameter timeout: the timeout of each of its calls.
  static func messageSocket(isConnected: Bool, timeout: Duration? = nil) -> Descriptor? {
    #if os(Linux)
      let type = (isConnected ? SOCK_SEQPACKET : SOCK_DGRAM).rawValue | SOCK_CLOEXEC.rawValue
      let made = Descriptor(result: socket(AF_UNIX, Int32(type), 0))
    #else
      let made = Descriptor(result: socket(AF_UNIX, isConnected ? SOCK_SEQPACKET : SOCK_DGRAM, 0))
    #endif
    guard let made else { return nil }
    if let timeout { made.setTimeout(timeout) }
    return made
  }

  // MARK: Serving

  /// Returns a bound TCP socket that does not listen yet.
  package static func bound(to address: SocketAddress) throws(SocketError) -> Descriptor {
    let place = try KernelAddress(address)
    let made = try streamSocket(for: place, at: address)
    made.setOption(level: SOL_SOCKET, SO_REUSEADDR)
    if place.family == AF_INET6 { made.setOption(level: Int32(IPPROTO_IPV6), IPV6_V6ONLY) }
    // Accepted sockets inherit it. Lines are short and must not wait for the next one.
    made.setOption(level: Int32(IPPROTO_TCP), TCP_NODELAY)
    if let code = made.bind(to: place) {
      throw code == EADDRINUSE
        ? .inUse(address) : .system(call: "bind", code: code, address: address)
    }
    return made
  }

  /// - Returns: why not, as an errno.
  func bind(to place: KernelAddress) -> Int32? {
    unsafe place.withPointer { unsafe systemBind(number, $0, $1) } == 0 ? nil : errno
  }

  /// The kernel cuts the queue down to its own limit (net.core.somaxconn).
  /// - Returns: why not, as an errno.
  package func listen() -> Int32? { systemListen(number) == 0 ? nil : errno }

  enum Accepted: ~Copyable {
    case socket(Descriptor)
    case failed(errno: Int32)
  }

  /// Accepts a connection as a non-blocking, close-on-exec socket.
  func accept() -> Accepted {
    guard let socket = Descriptor(result: systemAccept(number)) else {
      return .failed(errno: errno)
    }
    #if !os(Linux)
      socket.makeNonBlocking()
      socket.closeOnExec()
    #endif
    return .socket(socket)
  }

  /// Sends a last line to a connection that was just accepted, and closes it. Received bytes are
  /// read first: a close with unread bytes is a reset, which may overtake the line.
  package consuming func sendAndClose(_ bytes: [UInt8]) {
    let number = number
    unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
      _ = unsafe recv(number, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
    }
    bytes.withView { _ = SocketCalls.send(number, $0) }
    SocketCalls.shutdownWriting(number)
  }

  // MARK: Connecting

  /// Returns a socket that is connecting to `address`. A `Connection` that adopts it may send at
  /// once; a refusal calls its `ended(.failed)`.
  package static func connecting(to address: SocketAddress) throws(SocketError) -> Descriptor {
    let place = try KernelAddress(address)
    let made = try streamSocket(for: place, at: address)
    if let code = made.connect(to: place), code != EINPROGRESS {
      throw .system(call: "connect", code: code, address: address)
    }
    return made
  }

  /// Returns a socket that is connecting to a resolved address.
  /// - Throws: the errno.
  package static func connecting(to place: KernelAddress) throws(Errno) -> Descriptor {
    guard let made = streamSocket(family: place.family) else { throw Errno(errno) }
    // A signal does not end the attempt (connect(2), EINTR).
    if let code = made.connect(to: place), code != EINPROGRESS, code != EINTR {
      throw Errno(code)
    }
    return made
  }

  /// - Returns: why not yet or not at all, as an errno.
  func connect(to place: KernelAddress) -> Int32? {
    unsafe place.withPointer { unsafe systemConnect(number, $0, $1) } == 0 ? nil : errno
  }

  /// The result of connecting: 0, or an errno. Valid once the socket is writable.
  package var connectError: Int32 {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : errno
  }

  // MARK: Bytes

  /// Reads at most `limit` bytes without waiting.
  package func receive(atMost limit: Int) -> ReceiveOutcome {
    var code: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { room, count in
      let received = unsafe recv(number, room.baseAddress, limit, Int32(MSG_DONTWAIT))
      if received < 0 { code = errno }
      count = max(0, received)
    }
    return switch code {
    case 0: .bytes(bytes)
    case EAGAIN, EWOULDBLOCK, EINTR: .nothing
    default: .failed(errno: code)
    }
  }

  // MARK: Facts

  /// Returns the user who connected to a Unix socket; `nil` for another socket.
  package var peerUser: UInt32? {
    #if os(Linux)
      // struct ucred, which Glibc declares for _GNU_SOURCE only.
      var credentials = (process: pid_t(0), user: uid_t(0), group: gid_t(0))
      var size = socklen_t(MemoryLayout.size(ofValue: credentials))
      guard unsafe getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else {
        return nil
      }
      return credentials.user
    #else
      var user = uid_t()
      var group = gid_t()
      return getpeereid(number, &user, &group) == 0 ? user : nil
    #endif
  }

  /// Whether this is a stream socket that listens (`SO_ACCEPTCONN`).
  package var isListening: Bool {
    #if os(Linux)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    return option(SO_ACCEPTCONN) == 1 && option(SO_TYPE) == stream
  }

  /// Returns nil when this is not a socket.
  private func option(_ option: Int32) -> Int32? {
    var value: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return unsafe getsockopt(number, SOL_SOCKET, option, &value, &size) == 0 ? value : nil
  }

  private func setOption(level: Int32, _ option: Int32) {
    var on: Int32 = 1
    unsafe setsockopt(number, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Sets the timeout of both directions.
  private func setTimeout(_ timeout: Duration) {
    var time = timeval(timeout)
    let size = socklen_t(MemoryLayout<timeval>.size)
    unsafe setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &time, size)
    unsafe setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &time, size)
  }
}

// The system's calls under other names, because members of `Descriptor` hide them.

private func systemBind(
  _ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
) -> Int32 { unsafe bind(socket, address, length) }

private func systemConnect(
  _ socket: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
) -> Int32 { unsafe connect(socket, address, length) }

private func systemListen(_ socket: Int32) -> Int32 { listen(socket, SOMAXCONN) }

private func systemAccept(_ socket: Int32) -> Int32 {
  #if os(Linux)
    accept4(socket, nil, nil, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
  #else
    accept(socket, nil, nil)
  #endif
}
