// A listening socket of the test, which a relay inherits at its start.

import Glibc

/// A descriptor that closes with its last owner: nobody uses its number after that.
final class OwnedDescriptor: Sendable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }
}

final class ListeningSocket: Sendable {
  let descriptor: Int32
  let port: UInt16

  /// - Parameter listens: false for a port at which nothing answers, and which nobody else takes.
  init(listens: Bool = true) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && (!listens || listen(descriptor, 128) == 0)
          && getsockname(descriptor, $0, &size) == 0
      }
    }
    self.descriptor = descriptor
    port = UInt16(bigEndian: place.sin_port)
    guard isBound else { throw TestFailure("listen: \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }
}
