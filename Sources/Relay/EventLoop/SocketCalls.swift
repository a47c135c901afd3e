/// Calls on sockets that libevent owns already, by number: EINTR is retried, EAGAIN is an outcome.
import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
/// Safe: the kernel reads or fills in what it is given with its length, and keeps no address.
package enum SocketCalls {
  /// `send(2)` without a signal and without waiting.
  package static func send(_ descriptor: Int32, _ bytes: ByteView) -> SendOutcome {
    while true {
      #if os(Linux)
        let count = unsafe Glibc.send(
          descriptor, bytes.start, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      #else
        let count = Darwin.send(descriptor, bytes.start, bytes.count, MSG_DONTWAIT)
      #endif
      if count >= 0 { return .accepted(left: bytes.count - count) }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK, ENOBUFS: return .accepted(left: bytes.count)
      case let code: return .failed(errno: code)
      }
    }
  }

  /// `writev(2)` on a socket that does not wait.
  /// - Parameter length: of these pieces together.
  static func send(
    _ descriptor: Int32, _ pieces: SendPieces, _ range: Range<Int>, length: Int
  ) -> SendOutcome {
    while true {
      let count = unsafe pieces.vectors[range].withUnsafeBufferPointer {
        unsafe writev(descriptor, $0.baseAddress, Int32($0.count))
      }
      if count >= 0 { return .accepted(left: length - count) }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK, ENOBUFS: return .accepted(left: length)
      case let code: return .failed(errno: code)
      }
    }
  }

  /// The most pieces that one `writev` takes (IOV_MAX).
  static let mostPieces = 1024

  /// Returns the bytes in the kernel's send buffer of a socket.
  package static func unsentBytes(of descriptor: Int32) -> Int {
    var count: Int32 = 0
    #if os(Linux)
      // SIOCOUTQ
      guard unsafe ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
    #else
      var size = socklen_t(MemoryLayout<Int32>.size)
      guard getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &count, &size) == 0 else { return 0 }
    #endif
    return Int(count)
  }

  /// Shuts the sending direction down; reading continues.
  static func shutdownWriting(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Shuts both directions down for all processes that have the socket.
  static func end(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Sends one datagram to a Unix socket; `@` begins a name in the abstract namespace. Errors are
  /// ignored.
  package static func sendDatagram(_ bytes: [UInt8], to path: String) {
    guard let place = KernelAddress(notifySocket: path),
      let socket = Descriptor.messageSocket(isConnected: false)
    else { return }
    _ = unsafe place.withPointer {
      unsafe sendto(socket.number, bytes, bytes.count, Int32(MSG_DONTWAIT), $0, $1)
    }
  }

  /// `SO_COOKIE`: a number that no other socket of this boot has. Nil where the system has none, or
  /// for no socket.
  package static func cookie(of descriptor: Int32) -> UInt64? {
    #if os(Linux)
      value(of: SO_COOKIE, descriptor)
    #else
      nil
    #endif
  }

  /// Returns whether this socket can receive bytes in the process's network. A TCP socket belongs
  /// to the network namespace in which it was made, and a recreated container has another one. True
  /// on systems that cannot tell (Linux before 5.14).
  package static func isInThisNetwork(_ descriptor: Int32) -> Bool {
    #if os(Linux)
      let family = value(of: SO_DOMAIN, descriptor)
      guard family == UInt64(AF_INET) || family == UInt64(AF_INET6),
        let its = value(of: networkOption, descriptor), let ours = thisNetwork
      else { return true }
      return its == ours
    #else
      return true
    #endif
  }

  #if os(Linux)
    private static let networkOption: Int32 = 71  // SO_NETNS_COOKIE, which Glibc does not name
    private static let thisNetwork: UInt64? = {
      guard let probe = Descriptor.streamSocket(family: AF_INET) else { return nil }
      return value(of: networkOption, probe.number)
    }()

    private static func value(of option: Int32, _ descriptor: Int32) -> UInt64? {
      var value: UInt64 = 0
      var length = socklen_t(MemoryLayout<UInt64>.size)
      guard unsafe getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 else {
        return nil
      }
      return value
    }
  #endif
}
