import CFDStore
import Glibc

/// A Unix socket for packets with descriptors (SOCK_SEQPACKET), as in docs/fd-store.md.
package final class PacketSocket {
  package enum Received: Equatable {
    /// The caller owns the descriptors.
    case packet([UInt8], [Int32])
    case closed
    case nothing
  }

  package let descriptor: Int32

  package init(adopting descriptor: Int32) { self.descriptor = descriptor }

  package init?(connectingTo path: String) {
    descriptor = socket(AF_UNIX, Self.type, 0)
    guard Self.with(path, { connect(descriptor, $0, $1) }) == 0 else { return nil }
  }

  deinit { close(descriptor) }

  @discardableResult
  package func send(_ bytes: [UInt8], _ descriptors: [Int32] = []) -> Bool {
    shim_send(descriptor, bytes, bytes.count, descriptors, descriptors.count) == bytes.count
  }

  package func receive(within seconds: Double = 20) -> Received {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, Int32(seconds * 1_000)) > 0 else { return .nothing }
    var bytes = [UInt8](repeating: 0, count: 1_024)
    var descriptors = [Int32](repeating: -1, count: Int(SHIM_MOST_DESCRIPTORS))
    var count = 0
    var isCut: Int32 = 0
    let length = shim_receive(descriptor, &bytes, bytes.count, &descriptors, &count, &isCut)
    guard length > 0 else { return .closed }
    return .packet(Array(bytes[..<length]), Array(descriptors[..<count]))
  }

  // MARK: The other side

  /// Returns a listening socket at `path`, which the caller owns; nil if it cannot be created.
  package static func listen(at path: String) -> Int32? {
    let descriptor = socket(AF_UNIX, type, 0)
    unlink(path)
    guard with(path, { bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 8) == 0 else {
      close(descriptor)
      return nil
    }
    return descriptor
  }

  private static let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)

  private static func with(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }
}
