import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Pieces of bytes for one write, in their order.
///
/// It borrows the bytes, which must not move until the pieces were sent. It keeps its capacity when
/// emptied, so that sending does not allocate.
///
/// Safe: who appends bytes promises that they stay, and nothing else makes a piece.
@safe
package struct SendPieces {
  private(set) var vectors: [iovec] = unsafe []
  /// The number of bytes of all pieces.
  package private(set) var byteCount = 0

  package init() {}

  /// Unsafe, because nothing checks that the bytes stay.
  @unsafe
  package mutating func append(_ bytes: ByteView) {
    unsafe vectors.append(
      iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.start), iov_len: bytes.count))
    byteCount += bytes.count
  }

  package mutating func removeAll() {
    unsafe vectors.removeAll(keepingCapacity: true)
    byteCount = 0
  }

  var count: Int { unsafe vectors.count }

  /// A piece as it was appended, by code that promised that its bytes stay.
  subscript(index: Int) -> ByteView {
    let piece = unsafe vectors[index]
    return unsafe ByteView(UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len))
  }

  func byteCount(of range: Range<Int>) -> Int { range.reduce(0) { $0 + self[$1].count } }
}
