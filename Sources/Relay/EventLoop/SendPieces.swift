import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Pieces of bytes that leave in one write, in their order.
///
/// It borrows the bytes: they must stay where they are until the pieces have been sent. Emptied, it
/// keeps its room, so that sending does not allocate.
package struct SendPieces {
  private(set) var vectors: [iovec] = []
  /// Bytes of all pieces together.
  package private(set) var byteCount = 0

  package init() {}

  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    vectors.append(
      iovec(
        iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count))
    byteCount += bytes.count
  }

  package mutating func removeAll() {
    vectors.removeAll(keepingCapacity: true)
    byteCount = 0
  }
}
