/// Packets with descriptors, and the ownership of the descriptors.
///
/// Safe: the shims get each array with its length or with the room that they need, and the system
/// fills in the set of signals.
import CFDStore
import Glibc

/// The descriptors of one batch and one name byte for each. Closes them when it is deallocated.
final class Batch {
  let names: [UInt8]
  let descriptors: [Int32]

  init(names: [UInt8], descriptors: [Int32]) {
    self.names = names
    self.descriptors = descriptors
  }

  deinit { for descriptor in descriptors { close(descriptor) } }
}

enum Packet {
  /// A type byte and 250 names at most (docs/fd-store.md).
  static let longest = 512
  /// The kernel passes at most 253 descriptors at once (SCM_MAX_FD).
  static let mostDescriptors = 250

  enum Received {
    case packet([UInt8], Batch)
    /// Nothing was received yet.
    case nothing
    /// The other side is gone, or has sent no valid packet.
    case ended(String)
  }

  static func receive(from socket: Int32) -> Received {
    var bytes = [UInt8](repeating: 0, count: longest)
    var descriptors = [Int32](repeating: -1, count: Int(SHIM_MOST_DESCRIPTORS))
    var count = 0
    var isCut: Int32 = 0
    let length = unsafe shim_receive(socket, &bytes, bytes.count, &descriptors, &count, &isCut)
    guard length >= 0 else {
      if errno == EAGAIN || errno == EINTR { return .nothing }
      return unsafe .ended(String(cString: strerror(errno)))
    }
    let batch = Batch(
      names: Array(bytes[..<length].dropFirst()), descriptors: Array(descriptors[..<count]))
    if length == 0 { return .ended("closed by the relay") }
    if isCut != 0 { return .ended("a packet is cut: too long, or no descriptors left") }
    return .packet(Array(bytes[..<length]), batch)
  }

  /// - Returns: false when the socket does not take it at once. Each side waits for an answer
  ///   before it sends again, so there is always room for a packet.
  static func send(_ bytes: [UInt8], _ descriptors: [Int32] = [], to socket: Int32) -> Bool {
    unsafe shim_send(socket, bytes, bytes.count, descriptors, descriptors.count) == bytes.count
  }
}

func forbidDumps() -> Bool { shim_forbid_dumps() == 0 }

/// Returns the user at the other end, or nil.
func peerUser(of socket: Int32) -> uid_t? {
  let user = shim_peer_user(socket)
  return user < 0 ? nil : uid_t(user)
}

/// Returns a descriptor that becomes readable on SIGTERM and SIGINT. Without it, PID 1 of a
/// container would not receive them.
func terminationDescriptor() -> Int32 {
  var signals = sigset_t()
  unsafe sigemptyset(&signals)
  unsafe sigaddset(&signals, SIGTERM)
  unsafe sigaddset(&signals, SIGINT)
  unsafe sigprocmask(SIG_BLOCK, &signals, nil)
  signal(SIGPIPE, SIG_IGN)
  return unsafe signalfd(-1, &signals, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
}
