import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A descriptor on its way into a store or out of one, and what it is.
package struct StoredDescriptor {
  /// One letter, as it stands in systemd's `LISTEN_FDNAMES` too: there the names share one
  /// environment string of 128 KiB.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case image = 0x69  // i
    case listener = 0x6c  // l
    case status = 0x73  // s
    case peer = 0x70  // p

    package var name: String { String(UnicodeScalar(rawValue)) }
  }

  package let kind: Kind
  package let descriptor: Int32

  package init(_ kind: Kind, _ descriptor: Int32) {
    self.kind = kind
    self.descriptor = descriptor
  }

  /// `SO_COOKIE`: a number that no other socket of this boot has. Nil where the system has none, or
  /// for no socket.
  package static func cookie(of descriptor: Int32) -> UInt64? {
    #if os(Linux)
      number(SO_COOKIE, of: descriptor)
    #else
      nil
    #endif
  }

  /// Returns whether bytes can reach this socket from where the process runs. A TCP socket belongs
  /// to the network namespace in which it was made, and a container that is made anew has another
  /// one. True where the system cannot say (Linux before 5.14).
  package static func isInThisNetwork(_ descriptor: Int32) -> Bool {
    #if os(Linux)
      let family = number(SO_DOMAIN, of: descriptor)
      guard family == UInt64(AF_INET) || family == UInt64(AF_INET6),
        let its = number(networkOption, of: descriptor), let ours = thisNetwork
      else { return true }
      return its == ours
    #else
      return true
    #endif
  }

  #if os(Linux)
    private static let networkOption: Int32 = 71  // SO_NETNS_COOKIE, which Glibc does not name
    private static let thisNetwork: UInt64? = {
      let probe = SystemCalls.socket(family: AF_INET)
      guard probe >= 0 else { return nil }
      defer { evutil_closesocket(probe) }
      return number(networkOption, of: probe)
    }()

    private static func number(_ option: Int32, of descriptor: Int32) -> UInt64? {
      var value: UInt64 = 0
      var length = socklen_t(MemoryLayout<UInt64>.size)
      guard getsockopt(descriptor, SOL_SOCKET, option, &value, &length) == 0 else { return nil }
      return value
    }
  #endif

  package static func close(_ descriptors: [StoredDescriptor]) {
    close(descriptors.map(\.descriptor))
  }

  /// Ends the sockets for everybody who has them, and closes them: a store that does not answer any
  /// more must not keep peers waiting, or an address taken.
  package static func end(_ descriptors: [StoredDescriptor]) {
    for stored in descriptors where stored.kind != .image {
      shutdown(stored.descriptor, Int32(SHUT_RDWR))
    }
    close(descriptors)
  }

  static func close(_ descriptors: [Int32]) {
    for descriptor in descriptors { evutil_closesocket(descriptor) }
  }
}

/// Why a store could not be used. `description` is for the operator.
package struct StoreFault: Error, CustomStringConvertible {
  package let description: String
  /// The store may hold everything without having confirmed it: the relay must not touch it
  /// again.
  package let isUncertain: Bool

  init(_ description: String, isUncertain: Bool = false) {
    self.description = description
    self.isUncertain = isUncertain
  }
}

/// What holds descriptors while no relay runs (docs/fd-store.md, sd_pid_notify_with_fds(3)). Its
/// calls wait for the store, at most about `DescriptorStore.timeout`: the caller's loop stands
/// still meanwhile.
package protocol DescriptorStore: AnyObject {
  /// Puts all in or, when it throws an error that is not uncertain, nothing.
  func put(_ descriptors: [StoredDescriptor]) throws(StoreFault)
  /// What the last relay has put in; the caller's to close. The store keeps it until `confirm()`.
  func fetch() throws(StoreFault) -> [StoredDescriptor]
  /// From here on the store holds nothing.
  func confirm() throws(StoreFault)
}

extension DescriptorStore {
  /// How long the store may take to answer.
  package static var answerTimeout: Duration { .seconds(5) }
  /// How long all its answers may take together: who starts and stops the relay waits for it.
  package static var timeout: Duration { .seconds(10) }
}

/// Descriptors in messages.
enum DescriptorMessages {
  /// Below the kernel's 253 (SCM_MAX_FD).
  static let most = 250

  /// Sends on a connected socket, or to the Unix socket at `path`, whose name may begin with `@`.
  /// - Returns: whether the message was taken.
  static func send(
    _ bytes: [UInt8], _ descriptors: [Int32], on socket: Int32, to path: String? = nil
  ) -> Bool {
    #if os(Linux)
      var address = sockaddr_un()
      var length = socklen_t(0)
      if let path {
        var name = Array(path.utf8)
        guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        if name.first == UInt8(ascii: "@") { name[0] = 0 }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
      }
      return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
          while true {
            let sent = shim_send_descriptors(
              socket, path == nil ? nil : pointer, length, bytes, bytes.count, descriptors,
              descriptors.count)
            if sent < 0, errno == EINTR { continue }
            return sent == bytes.count
          }
        }
      }
    #else
      return false
    #endif
  }

  /// - Returns: nil when nothing whole comes in time or the other side is gone. `descriptors` are
  ///   the caller's.
  static func receive(on socket: Int32) -> (bytes: [UInt8], descriptors: [Int32])? {
    #if os(Linux)
      var bytes = [UInt8](repeating: 0, count: 512)
      var descriptors = [Int32](repeating: -1, count: Int(SHIM_MOST_DESCRIPTORS))
      var count = 0
      var isCut: Int32 = 0
      var length = -1
      repeat {
        length = shim_receive_descriptors(
          socket, &bytes, bytes.count, &descriptors, &count, &isCut)
      } while length < 0 && errno == EINTR
      let received = Array(descriptors[..<count])
      guard length > 0, isCut == 0 else {
        for descriptor in received { evutil_closesocket(descriptor) }
        return nil
      }
      return (Array(bytes[..<length]), received)
    #else
      return nil
    #endif
  }

  /// Both directions of a socket wait at most so long.
  static func setTimeout(_ timeout: Duration, of socket: Int32) {
    var time = timeval(timeout)
    let size = socklen_t(MemoryLayout<timeval>.size)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, size)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, size)
  }
}
