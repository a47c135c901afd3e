/// Borrowed bytes. Every access checks its bounds, in release too: a parser that miscounts traps
/// and never reads other memory.
///
/// A view is valid only during the call that provides it; code that keeps bytes copies them into
/// `[UInt8]`. The compiler does not check that: `@safe` stands for the bounds.
@safe
package struct ByteView {
  /// For the kernel, which checks nothing.
  package let buffer: UnsafeRawBufferPointer

  /// For C, which checks nothing.
  package var start: UnsafePointer<UInt8>? {
    unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
  }

  @inline(__always)
  package init(_ buffer: UnsafeRawBufferPointer) { unsafe self.buffer = buffer }

  package static var none: ByteView {
    unsafe ByteView(UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// Returns the bytes at `range` as a view whose first offset is 0; traps when `range` is not
  /// within the bytes.
  @inline(__always)
  package func part(_ range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no bytes at this range")
    // Within the buffer, by the line above.
    return unsafe ByteView(
      UnsafeRawBufferPointer(
        start: buffer.baseAddress.map { unsafe $0 + range.lowerBound }, count: range.count))
  }

  /// Returns the eight bytes at `offset` as one number; traps when there are fewer.
  @inline(__always)
  package func word(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count - 8, "no eight bytes at this offset")
    // Within the buffer, by the line above.
    return unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }
}

extension ByteView: RandomAccessCollection {
  /// Goes from the first byte to the last. It has no index that could be wrong, so it checks none.
  @safe
  package struct Iterator: IteratorProtocol {
    fileprivate var rest: UnsafeRawBufferPointer.Iterator

    @inline(__always)
    package mutating func next() -> UInt8? { unsafe rest.next() }
  }

  @inline(__always)
  package func makeIterator() -> Iterator { unsafe Iterator(rest: buffer.makeIterator()) }

  package var startIndex: Int { 0 }

  @inline(__always)
  package var endIndex: Int { unsafe buffer.count }

  @inline(__always)
  package var count: Int { unsafe buffer.count }

  /// The byte at `offset`; traps when there is none.
  @inline(__always)
  package subscript(offset: Int) -> UInt8 {
    precondition(UInt(bitPattern: offset) < UInt(bitPattern: count), "no byte at this offset")
    // The standard library's own subscript checks nothing in release.
    return unsafe buffer.baseAddress.unsafelyUnwrapped.load(
      fromByteOffset: offset, as: UInt8.self)
  }

  package func withContiguousStorageIfAvailable<R>(
    _ body: (UnsafeBufferPointer<UInt8>) throws -> R
  ) rethrows -> R? {
    unsafe try buffer.withContiguousStorageIfAvailable(body)
  }
}

extension ByteView {
  /// Returns the number that these decimal digits spell: no sign, no leading zero, at most
  /// `maximum`. Nil for anything else.
  func decimal(atMost maximum: Int) -> Int? {
    guard !isEmpty, count <= 18, count == 1 || self[0] != UInt8(ascii: "0") else { return nil }
    var value = 0
    for byte in self {
      guard byte.isDigit else { return nil }
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return value <= maximum ? value : nil
  }
}

extension [UInt8] {
  /// Lends the bytes for the duration of `body`.
  @inline(__always)
  package func withView<R>(_ body: (ByteView) throws -> R) rethrows -> R {
    unsafe try withUnsafeBytes { unsafe try body(ByteView($0)) }
  }

  @inline(__always)
  package init(_ view: ByteView) { unsafe self.init(view.buffer) }

  @inline(__always)
  package mutating func append(contentsOf view: ByteView) {
    unsafe append(contentsOf: view.buffer)
  }
}
