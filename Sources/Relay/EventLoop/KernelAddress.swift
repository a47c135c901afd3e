import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An address for the kernel: a `sockaddr` of any family and its length.
///
/// Safe: `sockaddr_storage` has the size and alignment of every address, and no call writes or
/// reads more of it than the length that it is given. Lists of the system are read before they are
/// freed.
package struct KernelAddress {
  private var storage = sockaddr_storage()
  private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

  var family: Int32 { Int32(storage.ss_family) }

  /// - Throws: when the text of `address` is not an address.
  package init(_ address: SocketAddress) throws(SocketError) {
    switch address {
    case .tcp(let host, let port):
      let number = host == "localhost" ? "127.0.0.1" : host
      // evutil_parse_sockaddr_port(3) refuses port 0, and returns 0 for a missing port.
      let text = (number.contains(":") ? "[\(number)]" : number) + (port == 0 ? "" : ":\(port)")
      var size = Int32(length)
      let status = unsafe withMutablePointer { pointer, _ in
        unsafe evutil_parse_sockaddr_port(text, pointer, &size)
      }
      guard status == 0 else { throw .notAnAddress(host) }
      length = socklen_t(size)
    case .unix(let path):
      let name = Array(path.utf8)
      guard !name.contains(0), let place = Self(unixName: name) else { throw .pathLength(path) }
      self = place
    }
  }

  /// The address of a datagram socket of the service manager; `@` begins a name in the abstract
  /// space. Nil when the name is too long.
  init?(notifySocket path: String) {
    var name = Array(path.utf8)
    if name.first == UInt8(ascii: "@") { name[0] = 0 }
    self.init(unixName: name)
  }

  private init?(unixName name: [UInt8]) {
    guard !name.isEmpty, name.count < Self.unixNameSize else { return nil }
    storage.ss_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &storage) { bytes in
      unsafe bytes[Self.unixNameStart...].copyBytes(from: name)
    }
    length = socklen_t(Self.unixNameStart + name.count)
  }

  /// The address to which `socket` is bound.
  init(boundTo socket: borrowing Descriptor) {
    var size = length
    let number = socket.number
    _ = unsafe withMutablePointer { pointer, _ in unsafe getsockname(number, pointer, &size) }
    length = size
  }

  /// Resolves a name (getaddrinfo(3)); empty when it has no address.
  package static func lookup(host: String, port: UInt16) -> [KernelAddress] {
    var hints = unsafe addrinfo()
    #if os(Linux)
      unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    #else
      hints.ai_socktype = SOCK_STREAM
    #endif
    var list: UnsafeMutablePointer<addrinfo>?
    guard unsafe getaddrinfo(host, "\(port)", &hints, &list) == 0 else { return [] }
    defer { unsafe freeaddrinfo(list) }
    var found: [KernelAddress] = []
    var next = unsafe list
    while let entry = unsafe next?.pointee {
      if let address = unsafe KernelAddress(entry) { found.append(address) }
      unsafe next = entry.ai_next
    }
    return found
  }

  private init?(_ entry: addrinfo) {
    let size = unsafe Int(entry.ai_addrlen)
    guard let address = unsafe entry.ai_addr, size <= MemoryLayout<sockaddr_storage>.size else {
      return nil
    }
    unsafe withUnsafeMutableBytes(of: &storage) {
      unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
    }
    length = socklen_t(size)
  }

  func withPointer<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    unsafe withUnsafePointer(to: storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
    }
  }

  private mutating func withMutablePointer<R>(
    _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> R
  ) -> R {
    let length = length
    return unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
    }
  }

  /// The offset of the name in a `sockaddr_un`, and its size in bytes, the final zero included.
  private static let unixNameStart = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2
  static let unixNameSize = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

  /// The address as in settings and logs.
  var text: SocketAddress {
    unsafe withUnsafeBytes(of: storage) { bytes in
      switch family {
      case AF_INET:
        let address = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
        return .tcp(
          host: Self.text(of: address.sin_addr, AF_INET), port: UInt16(bigEndian: address.sin_port))
      case AF_INET6:
        let address = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
        return .tcp(
          host: Self.text(of: address.sin6_addr, AF_INET6),
          port: UInt16(bigEndian: address.sin6_port))
      default:
        let name = unsafe bytes[Self.unixNameStart..<max(Self.unixNameStart, Int(length))]
        return unsafe .unix(path: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
      }
    }
  }

  private static func text<Address>(of address: Address, _ family: Int32) -> String {
    var characters = [CChar](repeating: 0, count: 64)
    _ = unsafe withUnsafePointer(to: address) {
      unsafe evutil_inet_ntop(family, $0, &characters, characters.count)
    }
    return String(
      decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
