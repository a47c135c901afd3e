import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A listening socket and what to do with each connection it accepts.
///
/// It accepts at most `acceptsPerEvent` connections a turn, so that many new connections at once do
/// not hold the loop, and stands still for a second when the process is out of descriptors:
/// libevent's own `evconnlistener` accepts without bound and calls back a million times a second
/// then (architecture.md), which is why a plain event stands here.
package final class Listener {
  /// What one accepted socket is; its receiver owns the descriptor.
  package typealias Accept = (_ descriptor: Int32) -> Void

  package enum Pause: Equatable {
    /// The kernel refused a descriptor: goes on by itself after a second.
    case outOfDescriptors(errno: Int32)
  }

  static let acceptsPerEvent = 64
  static let pauseWhenOut = Duration.seconds(1)

  /// Where it stands, with the port the system chose.
  package let address: SocketAddress
  /// Called when it pauses by itself.
  package var onPause: ((Pause) -> Void)?
  /// Asked before each connection; those that are not accepted wait for the next turn.
  package var mayAccept: () -> Bool = { true }

  private let loop: EventLoop
  private let descriptor: Int32
  private let accept: Accept
  /// As the settings have it; nil when it was inherited.
  private let configured: SocketAddress?
  private var socketFile: SocketFile?
  private var event: OpaquePointer?
  private var isPaused = false
  private lazy var resumption = Timer(on: loop) { [unowned self] in
    if !isPaused { event_add(event, nil) }
  }

  /// Binds `address` and listens.
  /// - Parameter mode: permissions of a Unix socket's file. A file that no process listens on is
  ///   replaced at once (`rename`), one that is listened on is an error.
  package init(
    on loop: EventLoop, address: SocketAddress, mode: mode_t = 0o660, accept: @escaping Accept
  ) throws(SocketError) {
    self.loop = loop
    self.accept = accept
    configured = address
    switch address {
    case .tcp(let host, _):
      descriptor = try Self.bound(address)
      socketFile = nil
      let port = SocketAddress.boundPort(of: descriptor) ?? 0
      self.address = .tcp(host: host, port: port)
    case .unix(let path):
      (descriptor, socketFile) = try SocketFile.listen(at: path, mode: mode)
      self.address = address
    }
    try start()
  }

  /// Takes over a socket that listens already, as a service manager hands it on.
  package init(
    on loop: EventLoop, inherited descriptor: Int32, accept: @escaping Accept
  ) throws(SocketError) {
    self.loop = loop
    self.accept = accept
    self.descriptor = descriptor
    configured = nil
    socketFile = nil
    address = SocketAddress.ofBoundSocket(descriptor)
    evutil_make_socket_nonblocking(descriptor)
    evutil_make_socket_closeonexec(descriptor)
    try start()
  }

  /// What the next process needs to go on with a listener.
  package struct HandOver {
    package let descriptor: Int32
    /// As the settings have it.
    package let configured: SocketAddress
    /// Of a Unix socket's file; 0 for TCP.
    package let fileDevice: UInt64
    package let fileInode: UInt64

    package init(
      descriptor: Int32, configured: SocketAddress, fileDevice: UInt64, fileInode: UInt64
    ) {
      self.descriptor = descriptor
      self.configured = configured
      self.fileDevice = fileDevice
      self.fileInode = fileInode
    }
  }

  /// Nil for an inherited one: the service manager hands it over again.
  package var handOver: HandOver? {
    configured.map {
      HandOver(
        descriptor: descriptor, configured: $0, fileDevice: UInt64(socketFile?.device ?? 0),
        fileInode: UInt64(socketFile?.inode ?? 0))
    }
  }

  /// Leaves the Unix socket's file to the next process.
  package func leaveFile() { socketFile = nil }

  /// Goes on with a listener of another process and owns its descriptor. Nil, and the descriptor is
  /// closed, when the file of its Unix socket is not there any more: nobody would find it.
  package init?(
    on loop: EventLoop, restoring state: HandOver, mode: mode_t, accept: @escaping Accept
  ) throws(SocketError) {
    self.loop = loop
    self.accept = accept
    descriptor = state.descriptor
    configured = state.configured
    switch state.configured {
    case .tcp(let host, _):
      socketFile = nil
      address = .tcp(host: host, port: SocketAddress.boundPort(of: state.descriptor) ?? 0)
    case .unix(let path):
      socketFile = SocketFile(
        at: path, device: dev_t(truncatingIfNeeded: state.fileDevice),
        inode: ino_t(truncatingIfNeeded: state.fileInode), mode: mode)
      address = state.configured
      if socketFile == nil { return nil }
    }
    evutil_make_socket_nonblocking(descriptor)
    try start()
  }

  deinit {
    if let event { event_free(event) }
    Self.closeDescriptor(descriptor)
    socketFile?.remove()
  }

  /// Leaves new connections in the kernel's queue until `resume()`.
  package func pause() {
    isPaused = true
    event_del(event)
  }

  package func resume() {
    isPaused = false
    event_add(event, nil)
  }

  private func start() throws(SocketError) {
    // The kernel cuts this down to its own limit (net.core.somaxconn).
    guard Self.listen(descriptor) == 0 else {
      throw .system(call: "listen", code: errno, address: address)
    }
    event = event_new(
      loop.base, descriptor, Int16(EV_READ | EV_PERSIST),
      { _, _, context in
        guard let context else { return }
        Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().acceptSome()
      },
      Unmanaged.passUnretained(self).toOpaque())
    precondition(event != nil, "no memory for a listener's event")
    resume()
  }

  private func acceptSome() {
    for _ in 0..<Self.acceptsPerEvent where mayAccept() {
      let socket = SystemCalls.accept(descriptor)
      if socket >= 0 {
        accept(socket)
        // Its owner may have had enough.
        if isPaused { return }
        continue
      }
      switch errno {
      case EAGAIN, EWOULDBLOCK: return
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        let code = errno
        event_del(event)
        resumption.schedule(after: Self.pauseWhenOut)
        onPause?(.outOfDescriptors(errno: code))
        return
      default: continue  // EINTR, ECONNABORTED and the network errors that accept(2) passes on
      }
    }
  }

  /// A bound TCP socket that does not listen yet.
  package static func bound(_ address: SocketAddress) throws(SocketError) -> Int32 {
    let family = address.family
    return try address.withSockaddr { (pointer, length) throws(SocketError) -> Int32 in
      let descriptor = SystemCalls.socket(family: family)
      guard descriptor >= 0 else {
        throw .system(call: "socket", code: errno, address: address)
      }
      SystemCalls.setOption(descriptor, level: SOL_SOCKET, SO_REUSEADDR)
      if family == AF_INET6 {
        SystemCalls.setOption(descriptor, level: Int32(IPPROTO_IPV6), IPV6_V6ONLY)
      }
      // Accepted sockets inherit it. Lines are short and nobody waits for the next.
      SystemCalls.setOption(descriptor, level: Int32(IPPROTO_TCP), TCP_NODELAY)
      guard bind(descriptor, pointer, length) == 0 else {
        let code = errno
        closeDescriptor(descriptor)
        throw code == EADDRINUSE
          ? .inUse(address) : .system(call: "bind", code: code, address: address)
      }
      return descriptor
    }
  }

  // Inside the class `accept`, `listen` and `close` would name its own members.
  package static func listen(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
      Glibc.listen(descriptor, SOMAXCONN)
    #else
      Darwin.listen(descriptor, SOMAXCONN)
    #endif
  }

  package static func closeDescriptor(_ descriptor: Int32) {
    evutil_closesocket(descriptor)
  }
}
