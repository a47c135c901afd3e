import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The result of sending bytes.
package enum SendOutcome: Equatable {
  /// Sent or buffered. `left`: the number of bytes that the kernel has not taken.
  case accepted(left: Int)
  case failed(errno: Int32)
}

/// The result of reading from a socket without waiting.
package enum ReceiveOutcome: Equatable {
  /// Empty at the end of the stream.
  case bytes([UInt8])
  /// Nothing was received yet.
  case nothing
  case failed(errno: Int32)
}

/// An error of the system: its number, and the system's text for it.
///
/// Safe: strerror's text stands until the next call, and is copied.
package struct Errno: Error, Equatable, CustomStringConvertible {
  package let code: Int32

  package init(_ code: Int32) { self.code = code }

  package var description: String { unsafe String(cString: strerror(code)) }
}
