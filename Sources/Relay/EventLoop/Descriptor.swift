import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Owns an open descriptor and closes it, once. Who takes it over consumes it, so no two owners
/// close the same number and none forgets it.
///
/// Safe: poll(2) and pipe(2) get an array or a value of the type and number that they fill in.
package struct Descriptor: ~Copyable {
  /// For calls that borrow the descriptor. Another file has this number once the owner is gone.
  package let number: Int32

  /// Takes over an open descriptor that nobody else closes.
  package init(adopting number: Int32) {
    precondition(number >= 0, "no descriptor has a negative number")
    self.number = number
  }

  /// Takes over what a system call has returned; nil for −1.
  init?(result number: Int32) {
    guard number >= 0 else { return nil }
    self.number = number
  }

  deinit { evutil_closesocket(number) }

  /// Gives the descriptor to somebody else, who closes it.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }

  /// Keeps programs that this process starts from having it.
  package func closeOnExec() { evutil_make_socket_closeonexec(number) }

  /// Lets calls return at once where they would wait.
  func makeNonBlocking() { evutil_make_socket_nonblocking(number) }

  /// What can be waited for.
  package enum Readiness {
    case reading, writing
    /// Nothing but the end of the other side.
    case hangUp

    fileprivate var events: Int16 {
      switch self {
      case .reading: Int16(POLLIN)
      case .writing: Int16(POLLOUT)
      case .hangUp: 0
      }
    }
  }

  /// Waits at most `milliseconds`, or until a signal comes.
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

/// pipe(2) by another name, since `Descriptor.pipe` hides it.
private func systemPipe(_ ends: inout [Int32]) -> Int32 { unsafe pipe(&ends) }

/// A descriptor that stands in an array or a dictionary, which hold no `~Copyable` values, until
/// somebody takes it. Closed if nobody does.
package final class HeldDescriptor {
  private var descriptor: Descriptor?

  package init(_ descriptor: consuming Descriptor) {
    self.descriptor = .some(consume descriptor)
  }

  /// Gives the descriptor away. Allowed once.
  package func take() -> Descriptor {
    guard let descriptor = descriptor.take() else {
      preconditionFailure("a descriptor is taken twice")
    }
    return descriptor
  }

  /// For calls that borrow the descriptor, while nobody has taken it.
  package var number: Int32 {
    switch descriptor {
    case .some(let descriptor): descriptor.number
    case nil: preconditionFailure("a descriptor is used that was taken")
    }
  }
}
