import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a listener stands or a client connects to.
package enum SocketAddress: Equatable, Sendable, CustomStringConvertible {
  /// A numeric IPv4 or IPv6 address, or `localhost` (127.0.0.1); names are not looked up. Port 0:
  /// any free one.
  case tcp(host: String, port: UInt16)
  /// A Unix stream socket at a path of at most 103 bytes, for a listener makes it under a name four
  /// bytes longer first.
  case unix(path: String)

  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// Calls `body` with the C address, or throws when the text is none.
  func withSockaddr<R>(
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SocketError) -> R
  ) throws(SocketError) -> R {
    switch self {
    case .tcp(let host, let port):
      let number = host == "localhost" ? "127.0.0.1" : host
      // evutil_parse_sockaddr_port(3) refuses port 0, and takes 0 where none is written.
      let text =
        (number.contains(":") ? "[\(number)]" : number) + (port == 0 ? "" : ":\(port)")
      var storage = sockaddr_storage()
      var length = Int32(MemoryLayout<sockaddr_storage>.size)
      let status = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          evutil_parse_sockaddr_port(text, $0, &length)
        }
      }
      guard status == 0 else { throw .notAnAddress(host) }
      return try Self.rebound(&storage, socklen_t(length), body)
    case .unix(let path):
      var storage = sockaddr_un()
      let bytes = Array(path.utf8)
      guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: storage.sun_path) else {
        throw .pathLength(path)
      }
      storage.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &storage.sun_path) { $0.copyBytes(from: bytes) }
      return try Self.rebound(&storage, socklen_t(MemoryLayout<sockaddr_un>.size), body)
    }
  }

  private static func rebound<A, R>(
    _ storage: inout A, _ length: socklen_t,
    _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SocketError) -> R
  ) throws(SocketError) -> R {
    try withUnsafePointer(to: &storage) { (pointer) throws(SocketError) -> R in
      try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        (address) throws(SocketError) -> R in try body(address, length)
      }
    }
  }

  package var family: Int32 {
    switch self {
    case .tcp(let host, _): host.contains(":") ? AF_INET6 : AF_INET
    case .unix: AF_UNIX
    }
  }

  /// The port the system chose for a bound TCP socket.
  static func boundPort(of descriptor: Int32) -> UInt16? {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let status = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard status == 0 else { return nil }
    let family = Int32(storage.ss_family)
    return withUnsafePointer(to: &storage) {
      switch family {
      case AF_INET:
        $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          UInt16(bigEndian: $0.pointee.sin_port)
        }
      case AF_INET6:
        $0.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
          UInt16(bigEndian: $0.pointee.sin6_port)
        }
      default: nil
      }
    }
  }
}

/// Why a socket could not be had. `description` is for the operator.
package enum SocketError: Error, Equatable, CustomStringConvertible {
  case notAnAddress(String)
  case pathLength(String)
  /// The address is taken by a running process.
  case inUse(SocketAddress)
  /// Any other refusal of the kernel, with the call that met it and its errno.
  case system(call: String, code: Int32, address: SocketAddress)

  package var description: String {
    switch self {
    case .notAnAddress(let host):
      "\(host) is not a numeric IPv4 or IPv6 address"
    case .pathLength(let path):
      "socket path of \(path.utf8.count) bytes: it must have 1 to \(Self.longestPath) bytes"
    case .inUse(let address):
      "\(address) is in use by a running process"
    case .system(let call, let code, let address):
      "\(address): \(call): \(String(cString: strerror(code)))"
    }
  }

  /// What the kernel takes, less the ending of a file in the making.
  static let longestPath =
    MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1 - SocketFile.temporarySuffix.utf8.count
}

extension SocketAddress {
  /// What a socket that is bound already stands at, for the log.
  static func ofBoundSocket(_ descriptor: Int32) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    _ = withUnsafeMutablePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    var text = [CChar](repeating: 0, count: 64)
    let family = Int32(storage.ss_family)
    return withUnsafePointer(to: &storage) { pointer in
      switch family {
      case AF_INET:
        pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          var address = $0.pointee.sin_addr
          evutil_inet_ntop(AF_INET, &address, &text, text.count)
          return .tcp(host: cString(text), port: UInt16(bigEndian: $0.pointee.sin_port))
        }
      case AF_INET6:
        pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
          var address = $0.pointee.sin6_addr
          evutil_inet_ntop(AF_INET6, &address, &text, text.count)
          return .tcp(host: cString(text), port: UInt16(bigEndian: $0.pointee.sin6_port))
        }
      default:
        pointer.withMemoryRebound(to: sockaddr_un.self, capacity: 1) {
          withUnsafeBytes(of: $0.pointee.sun_path) {
            .unix(path: cString($0.map(CChar.init(bitPattern:))))
          }
        }
      }
    }
  }

  private static func cString(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
