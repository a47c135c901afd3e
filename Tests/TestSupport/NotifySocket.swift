import CFDStore
import Glibc

/// The socket on which a service manager gets the messages of its services (sd_notify(3)).
package final class NotifySocket {
  /// The value of NOTIFY_SOCKET.
  package let name: String
  private let path: String?
  private let descriptor: Int32

  /// - Parameter path: a path, or `@` and a name in the abstract namespace.
  package init?(at path: String) {
    name = path
    self.path = path.hasPrefix("@") ? nil : path
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    var bytes = Array(path.utf8)
    guard descriptor >= 0, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      return nil
    }
    if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
    }
    guard bound == 0 else { return nil }
  }

  deinit {
    close(descriptor)
    if let path { unlink(path) }
  }

  /// Returns the next message, or `nil` when none comes within `seconds`.
  package func receive(within seconds: Double = 20) -> String? {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, Int32(seconds * 1_000)) > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 1_024)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count < 0 ? nil : String(decoding: bytes[..<count], as: UTF8.self)
  }

  /// Returns the next message and its descriptors, which the caller then owns.
  package func receiveWithDescriptors(within seconds: Double) -> (text: String, [Int32])? {
    var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, Int32(seconds * 1_000)) > 0 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 1_024)
    var descriptors = [Int32](repeating: -1, count: Int(SHIM_MOST_DESCRIPTORS))
    var count = 0
    var isCut: Int32 = 0
    let length = shim_receive(descriptor, &bytes, bytes.count, &descriptors, &count, &isCut)
    guard length >= 0 else { return nil }
    return (String(decoding: bytes[..<length], as: UTF8.self), Array(descriptors[..<count]))
  }

  /// Returns the next message that is not a watchdog message, or `nil` when none comes within
  /// `seconds`.
  package func receiveState(within seconds: Double = 20) -> String? {
    while let message = receive(within: seconds) {
      if message != "WATCHDOG=1" { return message }
    }
    return nil
  }
}
