import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Pieces of bytes that leave in one write, in their order.
///
/// It borrows the bytes: they must stay where they are until the pieces have been sent. Emptied, it
/// keeps its room, so that sending does not allocate.
@safe
package struct SendPieces {
  private(set) var vectors: [iovec] = []
  /// Bytes of all pieces together.
  package private(set) var byteCount = 0

  package init() {}

  /// Unsafe, because nothing checks that the bytes stay.
  @unsafe
  package mutating func append(_ bytes: ByteView) {
    vectors.append(
      iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.start), iov_len: bytes.count))
    byteCount += bytes.count
  }

  package mutating func removeAll() {
    vectors.removeAll(keepingCapacity: true)
    byteCount = 0
  }
}
