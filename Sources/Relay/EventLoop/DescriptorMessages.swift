import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Sends and receives descriptors in messages on Unix sockets.
///
/// Safe: the shims get each array with its length, and the receiving one has room for as many
/// descriptors as the kernel may pass on.
enum DescriptorMessages {
  /// Below the kernel's limit of 253 (SCM_MAX_FD).
  static let most = 250

  /// Sends on a connected socket, or to the datagram socket at `path`, whose name may begin with
  /// `@`. The caller still owns `descriptors`.
  /// - Returns: whether the message was sent.
  static func send(
    _ bytes: [UInt8], _ descriptors: [Int32], on socket: borrowing Descriptor,
    to path: String? = nil
  ) -> Bool {
    #if os(Linux)
      let number = socket.number
      guard let path else { return unsafe send(bytes, descriptors, on: number, to: nil, 0) }
      guard let place = KernelAddress(notifySocket: path) else { return false }
      return unsafe place.withPointer { unsafe send(bytes, descriptors, on: number, to: $0, $1) }
    #else
      return false
    #endif
  }

  #if os(Linux)
    private static func send(
      _ bytes: [UInt8], _ descriptors: [Int32], on socket: Int32,
      to address: UnsafePointer<sockaddr>?, _ length: socklen_t
    ) -> Bool {
      while true {
        let sent = unsafe shim_send_descriptors(
          socket, address, length, bytes, bytes.count, descriptors, descriptors.count)
        if sent < 0, errno == EINTR { continue }
        return sent == bytes.count
      }
    }
  #endif

  struct Message {
    let bytes: [UInt8]
    let descriptors: [HeldDescriptor]
  }

  /// - Returns: nil when no whole message comes in time or the other side is gone.
  static func receive(on socket: borrowing Descriptor) -> Message? {
    #if os(Linux)
      var bytes = [UInt8](repeating: 0, count: 512)
      var descriptors = [Int32](repeating: -1, count: Int(SHIM_MOST_DESCRIPTORS))
      var count = 0
      var isCut: Int32 = 0
      var length = -1
      repeat {
        length = unsafe shim_receive_descriptors(
          socket.number, &bytes, bytes.count, &descriptors, &count, &isCut)
      } while length < 0 && errno == EINTR
      let received = descriptors[..<count].map { HeldDescriptor(Descriptor(adopting: $0)) }
      guard length > 0, isCut == 0 else { return nil }
      return Message(bytes: Array(bytes[..<length]), descriptors: received)
    #else
      return nil
    #endif
  }
}
