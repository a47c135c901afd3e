import Units

/// Finds the lines in a growing input. One per connection, eight bytes.
///
/// The caller keeps the input in one contiguous buffer. It calls `next` with the start of the
/// unused bytes, moves the start to `consumed` after each line, and at the end of its turn drains
/// the used bytes and calls `drained`. Bytes are searched for a line end once, so a line that
/// arrives byte by byte costs time linear in its length.
package struct LineFramer {
  package enum Step: Equatable {
    /// A line without its `\n` or `\r\n`, and the offset after the terminator.
    case line(Range<Int>, consumed: Int)
    case incomplete
    /// The line is longer than the limit, with or without its end.
    case tooLong
  }

  private let limit: UInt32
  /// There is no `\n` before this offset in the unused bytes.
  private var searched: UInt32 = 0

  /// - Parameter limit: the longest line in bytes, without its terminator.
  package init(limit: Int) { self.limit = UInt32(clamping: limit) }

  package mutating func next(in bytes: ByteView, from start: Int) -> Step {
    guard let end = bytes.firstOffset(of: UInt8(ascii: "\n"), from: max(start, Int(searched)))
    else {
      searched = UInt32(clamping: bytes.count)
      return isPastLimit(bytes, from: start) ? .tooLong : .incomplete
    }
    let hasReturn = end > start && bytes[end - 1] == UInt8(ascii: "\r")
    let line = start..<(hasReturn ? end - 1 : end)
    guard line.count <= Int(limit) else { return .tooLong }
    searched = UInt32(clamping: end + 1)
    return .line(line, consumed: end + 1)
  }

  /// Records that the first `count` bytes have left the buffer.
  package mutating func drained(_ count: Int) {
    searched = UInt32(clamping: Int(searched) - count)
  }

  /// The byte after the limit may be the `\r` of the terminator.
  private func isPastLimit(_ bytes: ByteView, from start: Int) -> Bool {
    let length = bytes.count - start
    guard length > Int(limit) else { return false }
    return length > Int(limit) + 1 || bytes[bytes.count - 1] != UInt8(ascii: "\r")
  }
}
