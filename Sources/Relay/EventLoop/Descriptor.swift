import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Owns an open descriptor and closes it once. A new owner consumes it, so a number has one owner,
/// which cannot forget to close it.
///
/// Safe: poll(2) and pipe(2) get an array or a value of the type and number that they fill in.
package struct Descriptor: ~Copyable {
  /// The number, for calls that borrow the descriptor. It is valid only while the owner exists.
  package let number: Int32

  /// Owns an open descriptor that nobody else closes.
  package init(adopting number: Int32) {
    precondition(number >= 0, "no descriptor has a negative number")
    self.number = number
  }

  /// Owns the result of a system call; nil for −1.
  init?(result number: Int32) {
    guard number >= 0 else { return nil }
    self.number = number
  }

  deinit { evutil_closesocket(number) }

  /// Returns the number to a caller that closes it.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }

  /// Closes it in programs that this process starts.
  package func closeOnExec() { evutil_make_socket_closeonexec(number) }

  /// Makes its calls non-blocking.
  func makeNonBlocking() { evutil_make_socket_nonblocking(number) }

  /// The events to wait for.
  package enum Readiness {
    case reading, writing
    /// Only the close of the other side.
    case hangUp

    fileprivate var events: Int16 {
      switch self {
      case .reading: Int16(POLLIN)
      case .writing: Int16(POLLOUT)
      case .hangUp: 0
      }
    }
  }

  /// Waits for the event, a signal or the timeout.
  /// - Returns: whether it is ready or has failed; `nil` when a signal came.
  package func wait(for readiness: Readiness, milliseconds: Int32) -> Bool? {
    var entry = pollfd(fd: number, events: readiness.events, revents: 0)
    let count = unsafe poll(&entry, 1, milliseconds)
    return count < 0 && errno == EINTR ? nil : count > 0
  }

  /// Returns the two ends of a pipe that programs started by this process do not get; nil when the
  /// system refuses it.
  static func pipe() -> Pipe? {
    var ends: [Int32] = [-1, -1]
    guard systemPipe(&ends) == 0 else { return nil }
    let pipe = Pipe(
      reading: Descriptor(adopting: ends[0]), writing: Descriptor(adopting: ends[1]))
    pipe.reading.closeOnExec()
    pipe.writing.closeOnExec()
    return pipe
  }

  struct Pipe: ~Copyable {
    let reading: Descriptor
    let writing: Descriptor
  }
}

/// pipe(2) under another name, because `Descriptor.pipe` hides it.
private func systemPipe(_ ends: inout [Int32]) -> Int32 { unsafe pipe(&ends) }

/// Holds a descriptor in an array or a dictionary, which cannot hold `~Copyable` values. Closes it
/// unless somebody takes it.
package final class HeldDescriptor {
  private var descriptor: Descriptor?

  package init(_ descriptor: consuming Descriptor) {
    self.descriptor = .some(consume descriptor)
  }

  /// Returns the descriptor to its new owner. Allowed once.
  package func take() -> Descriptor {
    guard let descriptor = descriptor.take() else {
      preconditionFailure("a descriptor is taken twice")
    }
    return descriptor
  }

  /// The number, for calls that borrow the descriptor before it is taken.
  package var number: Int32 {
    switch descriptor {
    case .some(let descriptor): descriptor.number
    case nil: preconditionFailure("a descriptor is used that was taken")
    }
  }
}
