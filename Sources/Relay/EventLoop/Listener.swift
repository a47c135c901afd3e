import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A listening socket, and the handler of its connections.
///
/// It accepts at most `acceptsPerEvent` connections a turn, so that many new connections do not
/// delay the loop. It pauses for a second when the process is out of descriptors. libevent's
/// `evconnlistener` accepts without bound and calls back a million times a second then
/// (architecture.md), so this uses a plain event.
///
/// Safe: only this object frees its event, and libevent, which holds it unretained, calls it no
/// more then.
@safe
package final class Listener {
  /// Receives and owns an accepted socket.
  package typealias Accept = (_ socket: consuming Descriptor) -> Void

  package enum Pause: Equatable {
    /// The kernel refused a descriptor. It continues after a second.
    case outOfDescriptors(errno: Int32)
  }

  static let acceptsPerEvent = 64
  static let pauseWhenOut = Duration.seconds(1)

  /// Its address, with the port that the system chose.
  package let address: SocketAddress
  /// Called when it pauses without a call of `pause()`.
  package var onPause: ((Pause) -> Void)?
  /// Called before each accept. When it returns false, connections wait for the next turn.
  package var mayAccept: () -> Bool = { true }

  private let loop: EventLoop
  private let socket: Descriptor
  private let accept: Accept
  /// The address as in the settings; nil when it was inherited.
  private let configured: SocketAddress?
  private var socketFile: SocketFile?
  private var event: OpaquePointer?
  private var isPaused = false
  private lazy var resumption = Timer(on: loop) { [unowned self] in
    if !isPaused { unsafe event_add(event, nil) }
  }

  /// Binds `address` and listens.
  /// - Parameter mode: permissions of a Unix socket's file. A file on which no process listens is
  ///   replaced atomically (`rename`); otherwise it is an error.
  package init(
    on loop: EventLoop, address: SocketAddress, mode: UInt32 = 0o660, accept: @escaping Accept
  ) throws(SocketError) {
    self.loop = loop
    self.accept = accept
    configured = address
    switch address {
    case .tcp:
      socket = try .bound(to: address)
      socketFile = nil
      self.address = address.withPort(of: socket)
    case .unix(let path):
      let made = try Descriptor.streamSocket(for: KernelAddress(address), at: address)
      socketFile = try SocketFile(listening: made, at: path, mode: mode)
      socket = made
      self.address = address
    }
    try start()
  }

  /// Owns a listening socket that a service manager has passed.
  package init(
    on loop: EventLoop, inherited: consuming Descriptor, accept: @escaping Accept
  ) throws(SocketError) {
    self.loop = loop
    self.accept = accept
    inherited.makeNonBlocking()
    inherited.closeOnExec()
    address = KernelAddress(boundTo: inherited).text
    socket = inherited
    configured = nil
    socketFile = nil
    try start()
  }

  /// The values with which the next process continues a listener, besides its socket.
  package struct HandOver {
    /// The address as in the settings.
    package let configured: SocketAddress
    /// Of a Unix socket's file; 0 for TCP.
    package let fileDevice: UInt64
    package let fileInode: UInt64

    package init(configured: SocketAddress, fileDevice: UInt64 = 0, fileInode: UInt64 = 0) {
      self.configured = configured
      self.fileDevice = fileDevice
      self.fileInode = fileInode
    }
  }

  /// Nil for an inherited one: the service manager passes it again.
  package var handOver: HandOver? {
    configured.map {
      HandOver(
        configured: $0, fileDevice: socketFile?.device ?? 0, fileInode: socketFile?.inode ?? 0)
    }
  }

  /// Lends the socket to the store.
  package var lent: LentDescriptor { LentDescriptor(.listener, socket.number) }

  /// Leaves the Unix socket's file to the next process.
  package func leaveFile() { socketFile = nil }

  /// Continues a listener of another process. Returns nil and closes the socket when the file of
  /// its Unix socket is gone: no client could find it.
  package init?(
    on loop: EventLoop, restoring inherited: consuming Descriptor, as state: HandOver,
    mode: UInt32, accept: @escaping Accept
  ) throws(SocketError) {
    self.loop = loop
    self.accept = accept
    configured = state.configured
    address = state.configured.withPort(of: inherited)
    inherited.makeNonBlocking()
    socket = inherited
    if case .unix(let path) = state.configured {
      socketFile = SocketFile(
        at: path, device: state.fileDevice, inode: state.fileInode, mode: mode)
      if socketFile == nil { return nil }
    }
    try start()
  }

  deinit {
    if let event = unsafe event { unsafe event_free(event) }
    socketFile?.remove()
  }

  /// Leaves new connections in the kernel's queue until `resume()`.
  package func pause() {
    isPaused = true
    unsafe event_del(event)
  }

  package func resume() {
    isPaused = false
    unsafe event_add(event, nil)
  }

  private func start() throws(SocketError) {
    if let code = socket.listen() {
      throw .system(call: "listen", code: code, address: address)
    }
    unsafe event = event_new(
      loop.base, socket.number, Int16(EV_READ | EV_PERSIST),
      { _, _, context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<Listener>.fromOpaque(context).takeUnretainedValue().acceptSome()
      },
      Unmanaged.passUnretained(self).toOpaque())
    unsafe precondition(event != nil, "no memory for a listener's event")
    resume()
  }

  private func acceptSome() {
    for _ in 0..<Self.acceptsPerEvent where mayAccept() {
      switch socket.accept() {
      case .socket(let accepted):
        accept(accepted)
        // The handler may have paused it.
        if isPaused { return }
      case .failed(let code):
        switch code {
        case EAGAIN, EWOULDBLOCK: return
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
          unsafe event_del(event)
          resumption.schedule(after: Self.pauseWhenOut)
          onPause?(.outOfDescriptors(errno: code))
          return
        default: continue  // EINTR, ECONNABORTED and the network errors that accept(2) passes on
        }
      }
    }
  }
}
