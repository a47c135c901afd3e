/// Sockets for tests, and functions that run a loop until a condition holds.
import Glibc
import Testing

@testable import EventLoop
@testable import Units

/// The test's end of a stream. Closes its descriptor when it is released.
final class TestSocket {
  private(set) var descriptor: Int32

  init(_ descriptor: Int32) { self.descriptor = descriptor }
  deinit { close() }

  func close() {
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  /// Reads the bytes that are available now, at most `limit`.
  func read(_ limit: Int = 1 << 20) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(limit, 65_536))
    while bytes.count < limit {
      let count = recv(descriptor, &chunk, min(chunk.count, limit - bytes.count), 0)
      guard count > 0 else { break }
      bytes += chunk[..<count]
    }
    return bytes
  }

  /// Whether the other side has closed and all that it sent was read.
  var isAtEnd: Bool {
    var byte: UInt8 = 0
    return recv(descriptor, &byte, 1, Int32(MSG_PEEK)) == 0
  }

  @discardableResult
  func write(_ text: String) -> Int { write(Array(text.utf8)) }

  @discardableResult
  func write(_ bytes: [UInt8]) -> Int {
    Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with a reset instead of an end of stream (TCP).
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// Connects to `address`. Returns nil when no socket listens there.
  static func connected(to address: SocketAddress) -> TestSocket? {
    guard let socket = try? Descriptor.connecting(to: address) else { return nil }
    _ = socket.wait(for: .writing, milliseconds: 5_000)
    return socket.connectError == 0 ? TestSocket(socket.release()) : nil
  }

  /// Returns two ends of a Unix stream. The kernel buffers about `buffer` bytes that the first end
  /// sends.
  static func pair(buffer: Int32? = nil) -> (ours: HeldDescriptor, theirs: TestSocket) {
    var ends: [Int32] = [-1, -1]
    let made = socketpair(
      AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0,
      &ends)
    precondition(made == 0, "no socket pair")
    if var buffer {
      setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &buffer, socklen_t(MemoryLayout<Int32>.size))
    }
    return (HeldDescriptor(Descriptor(adopting: ends[0])), TestSocket(ends[1]))
  }
}

extension EventLoop {
  /// Runs one turn: handles what is ready now, and what becomes ready at once because of it.
  func turn() {
    stop()
    run()
  }

  /// Runs turns until `condition` holds or `time` has passed. Returns whether it holds.
  func turns(until condition: () -> Bool, within time: Duration = .seconds(5)) -> Bool {
    let end = now + time
    while !condition() {
      guard now < end else { return false }
      turn()
      usleep(200)
    }
    return true
  }
}

/// A path for a socket file in its own directory, which is removed at the end.
struct TemporaryPath: ~Copyable {
  let directory: String
  var path: String { directory + "/s" }

  init() {
    var template = Array("/tmp/relay-XXXXXX".utf8CString)
    directory = template.withUnsafeMutableBufferPointer { room in
      room.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? ""
    }
  }

  deinit {
    for name in ["/s", "/s.new"] { unlink(directory + name) }
    rmdir(directory)
  }
}
