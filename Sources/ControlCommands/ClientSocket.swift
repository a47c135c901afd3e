import EventLoop
import Units

/// A client socket whose calls block until a deadline at most. The command-line tools use it,
/// because they have no event loop.
final class ClientSocket {
  enum Failure: Error, Equatable {
    case unknownHost
    case badPath
    case notConnected(errno: Int32)
    case lost(errno: Int32)
    case timedOut
    case tooLarge
  }

  struct Deadline {
    private let end: ContinuousClock.Instant

    init(after timeout: Duration) { end = ContinuousClock.now + timeout }

    /// The time left for poll(2), rounded up; 0 after the deadline.
    var milliseconds: Int32 {
      let left = (end - ContinuousClock.now).nanoseconds
      return left <= 0 ? 0 : Int32(clamping: (left + 999_999) / 1_000_000)
    }
  }

  private let socket: Descriptor

  init(to endpoint: SocketAddress, before deadline: Deadline) throws(Failure) {
    switch endpoint {
    case .unix:
      let place: KernelAddress
      do throws(SocketError) { place = try KernelAddress(endpoint) } catch { throw .badPath }
      socket = try Self.connect(to: place, before: deadline)
    case .tcp(let host, let port):
      socket = try Self.connect(host: host, port: port, before: deadline)
    }
  }

  private static func connect(host: String, port: UInt16, before deadline: Deadline)
    throws(Failure) -> Descriptor
  {
    let host = ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
    var failure = Failure.unknownHost
    for place in KernelAddress.lookup(host: host, port: port) {
      do throws(Failure) { return try connect(to: place, before: deadline) } catch {
        failure = error
      }
    }
    throw failure
  }

  private static func connect(
    to place: KernelAddress, before deadline: Deadline
  ) throws(Failure) -> Descriptor {
    let socket: Descriptor
    do throws(Errno) { socket = try .connecting(to: place) } catch {
      throw .notConnected(errno: error.code)
    }
    try wait(for: .writing, on: socket, before: deadline)
    let code = socket.connectError
    guard code == 0 else { throw .notConnected(errno: code) }
    return socket
  }

  private static func wait(
    for readiness: Descriptor.Readiness, on socket: borrowing Descriptor,
    before deadline: Deadline
  ) throws(Failure) {
    while true {
      let left = deadline.milliseconds
      // A slow stream of bytes is always ready, so the deadline is checked as well.
      guard left > 0 else { throw .timedOut }
      switch socket.wait(for: readiness, milliseconds: left) {
      case true: return
      case false: throw .timedOut
      case nil: continue
      }
    }
  }

  func send(_ bytes: [UInt8], before deadline: Deadline) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      let outcome = bytes.withView {
        SocketCalls.send(socket.number, $0.part(sent..<bytes.count))
      }
      switch outcome {
      case .accepted(let left):
        sent = bytes.count - left
        if left > 0 { try Self.wait(for: .writing, on: socket, before: deadline) }
      case .failed(let code): throw .lost(errno: code)
      }
    }
  }

  /// Waits for bytes and returns them; empty at the end of the stream.
  func receive(before deadline: Deadline) throws(Failure) -> [UInt8] {
    while true {
      try Self.wait(for: .reading, on: socket, before: deadline)
      switch socket.receive(atMost: 65_536) {
      case .bytes(let bytes): return bytes
      case .nothing: continue
      case .failed(let code): throw .lost(errno: code)
      }
    }
  }

  func readToEnd(limit: Int, before deadline: Deadline) throws(Failure) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let chunk = try receive(before: deadline)
      if chunk.isEmpty { return bytes }
      bytes += chunk
      if bytes.count > limit { throw .tooLarge }
    }
  }
}
