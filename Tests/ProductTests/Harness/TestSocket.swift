// A connection whose calls have timeouts. It does not know frames.

import Glibc

final class TestSocket {
  enum Address: Hashable {
    case tcp(UInt16)
    case unix(String)
  }

  private var descriptor: Int32

  /// - Parameter receiveBuffer: the size of the kernel's receive buffer, in bytes. Nil: the
  ///   kernel's default.
  init(_ address: Address, receiveBuffer: Int32? = nil) throws {
    // A product that starts meanwhile must not inherit the descriptor and hold the connection open.
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    switch address {
    case .tcp(let port):
      descriptor = socket(AF_INET, type, 0)
      if var size = receiveBuffer {
        // Set before connecting, because the first packet announces the window.
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(4))
      }
      var place = sockaddr_in()
      place.sin_family = sa_family_t(AF_INET)
      place.sin_port = port.bigEndian
      place.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      try connect(&place)
      var on: Int32 = 1
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
    case .unix(let path):
      descriptor = socket(AF_UNIX, type, 0)
      var place = sockaddr_un()
      place.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
      try connect(&place)
    }
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  /// Takes over a connected, non-blocking socket.
  init(adopting descriptor: Int32) { self.descriptor = descriptor }

  deinit { close() }

  private func connect<Place>(_ place: inout Place) throws {
    let size = socklen_t(MemoryLayout<Place>.size)
    let status = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, size) }
    }
    guard status == 0 else {
      let reason = String(cString: strerror(errno))
      close()
      throw TestFailure("connect: \(reason)")
    }
  }

  func close() {
    guard descriptor >= 0 else { return }
    Glibc.close(descriptor)
    descriptor = -1
  }

  /// Shuts down the sending side. Reading still works.
  func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  private func wait(for events: Int32, within seconds: Double) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    return poll(&entry, 1, Int32(max(0, seconds) * 1000)) > 0
  }

  func hasInput(within seconds: Double) throws -> Bool { wait(for: POLLIN, within: seconds) }

  /// Closes with a reset instead of an end of stream (TCP).
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// Sends what the kernel takes at once.
  /// - Returns: the number of bytes sent; nil if the other end has closed.
  func sendSome(_ bytes: ArraySlice<UInt8>) -> Int? {
    let count = bytes.withUnsafeBytes {
      Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
    }
    if count >= 0 { return count }
    return errno == EAGAIN || errno == EINTR ? 0 : nil
  }

  /// Sends everything. Throws after `seconds`, or if the other end has closed.
  func send(_ bytes: [UInt8], until seconds: Double = 20) throws {
    let deadline = monotonicSeconds() + seconds
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count > 0 {
        sent += count
      } else if errno == EAGAIN {
        guard wait(for: POLLOUT, within: deadline - monotonicSeconds()) else {
          throw TestFailure("sent \(sent) of \(bytes.count) bytes before the timeout")
        }
      } else if errno != EINTR {
        throw TestFailure("send: \(String(cString: strerror(errno)))")
      }
    }
  }

  /// Returns the bytes that have arrived, at most 64 KiB, without waiting.
  /// - Returns: nil at the end of the stream or after a reset; an empty array if nothing has
  ///   arrived.
  func receiveSome() -> [UInt8]? {
    var isOver = false
    let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
      let received = recv(descriptor, buffer.baseAddress, buffer.count, 0)
      count = max(0, received)
      isOver = received == 0 || received < 0 && errno != EAGAIN && errno != EINTR
    }
    return isOver ? nil : bytes
  }

  /// Waits for bytes and returns them.
  /// - Returns: nil at the end of the stream or after a reset.
  /// - Throws: if nothing arrives within `seconds`.
  func receive(within seconds: Double, atMost limit: Int = 65_536) throws -> [UInt8]? {
    guard wait(for: POLLIN, within: seconds) else {
      throw TestFailure("nothing arrived within \(seconds) s")
    }
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      count = max(0, recv(descriptor, buffer.baseAddress, limit, 0))
    }
    return bytes.isEmpty ? nil : bytes
  }

  /// Waits until the other end has read everything that was sent, which the kernel reports for a
  /// Unix socket. That takes microseconds, so this does not sleep.
  func waitUntilRead(within seconds: Double = 10) throws {
    let deadline = monotonicSeconds() + seconds
    var count: Int32 = 0
    while ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0, count > 0 {
      guard monotonicSeconds() < deadline else {
        throw TestFailure("\(count) bytes are unread after \(seconds) s")
      }
      sched_yield()
    }
  }
}
