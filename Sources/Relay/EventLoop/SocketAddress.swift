/// The address of a listener.
package enum SocketAddress: Equatable, Sendable, CustomStringConvertible {
  /// A numeric IPv4 or IPv6 address, or `localhost` (127.0.0.1); names are not resolved. Port 0:
  /// any free port.
  case tcp(host: String, port: UInt16)
  /// A Unix stream socket at a path of at most 103 bytes: a listener first creates it under a name
  /// four bytes longer.
  case unix(path: String)

  package var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// The same address with the port that the system chose for `socket`.
  func withPort(of socket: borrowing Descriptor) -> SocketAddress {
    guard case .tcp(let host, _) = self,
      case .tcp(_, let port) = KernelAddress(boundTo: socket).text
    else { return self }
    return .tcp(host: host, port: port)
  }
}

/// Why a socket could not be created. `description` is for the operator.
package enum SocketError: Error, Equatable, CustomStringConvertible {
  case notAnAddress(String)
  case pathLength(String)
  /// A running process uses the address.
  case inUse(SocketAddress)
  /// Any other error of the kernel, with the call and its errno.
  case system(call: String, code: Int32, address: SocketAddress)

  package var description: String {
    switch self {
    case .notAnAddress(let host):
      "\(host) is not a numeric IPv4 or IPv6 address"
    case .pathLength(let path):
      """
      socket path of \(path.utf8.count) bytes: it must have 1 to \(Self.longestPath) bytes, none \
      of them zero
      """
    case .inUse(let address):
      "\(address) is in use by a running process"
    case .system(let call, let code, let address):
      "\(address): \(call): \(Errno(code))"
    }
  }

  /// What the kernel takes, less the ending of a temporary file's name.
  static let longestPath =
    KernelAddress.unixNameSize - 1 - SocketFile.temporarySuffix.utf8.count
}
