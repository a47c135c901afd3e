/// Borrowed bytes. Every access checks its bounds, in release too: a parser that miscounts traps
/// and never reads other memory.
///
/// A view is valid only during the call that provides it; code that keeps bytes copies them into
/// `[UInt8]`. The compiler does not check that: `@safe` stands for the bounds.
///
/// Public and inlinable, because parsers in other modules use it for every byte: as `package` it
/// cost a call each time (proof: 9 % more instructions).
///
/// Safe: every offset is compared with `count` before it becomes an address, and the standard
/// library's buffer is asked for nothing beyond its count.
@frozen @safe
public struct ByteView {
  /// For the kernel, which checks nothing.
  public let buffer: UnsafeRawBufferPointer

  /// For C, which checks nothing.
  @inlinable @inline(__always)
  public var start: UnsafePointer<UInt8>? {
    unsafe buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
  }

  @inlinable @inline(__always)
  public init(_ buffer: UnsafeRawBufferPointer) { unsafe self.buffer = buffer }

  @inlinable
  public static var none: ByteView {
    unsafe ByteView(UnsafeRawBufferPointer(start: nil, count: 0))
  }

  /// Returns the bytes at `range` as a view whose first offset is 0; traps when `range` is not
  /// within the bytes.
  @inlinable @inline(__always)
  public func part(_ range: Range<Int>) -> ByteView {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no bytes at this range")
    return unsafe ByteView(
      UnsafeRawBufferPointer(
        start: buffer.baseAddress.map { unsafe $0 + range.lowerBound }, count: range.count))
  }

  /// Returns the eight bytes at `offset` as one number; traps when there are fewer.
  @inlinable @inline(__always)
  public func word(at offset: Int) -> UInt64 {
    precondition(offset >= 0 && offset <= count - 8, "no eight bytes at this offset")
    return unsafe buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }
}

extension ByteView: RandomAccessCollection {
  /// Goes from the first byte to the last. It has no index that could be wrong, so it checks none.
  @frozen @safe
  public struct Iterator: IteratorProtocol {
    @usableFromInline var rest: UnsafeRawBufferPointer.Iterator

    @inlinable @inline(__always)
    init(rest: UnsafeRawBufferPointer.Iterator) { unsafe self.rest = rest }

    @inlinable @inline(__always)
    public mutating func next() -> UInt8? { unsafe rest.next() }
  }

  @inlinable @inline(__always)
  public func makeIterator() -> Iterator { unsafe Iterator(rest: buffer.makeIterator()) }

  @inlinable @inline(__always)
  public var startIndex: Int { 0 }

  @inlinable @inline(__always)
  public var endIndex: Int { unsafe buffer.count }

  @inlinable @inline(__always)
  public var count: Int { unsafe buffer.count }

  /// The byte at `offset`; traps when there is none.
  @inlinable @inline(__always)
  public subscript(offset: Int) -> UInt8 {
    precondition(UInt(bitPattern: offset) < UInt(bitPattern: count), "no byte at this offset")
    // The standard library's own subscript checks nothing in release.
    return unsafe buffer.baseAddress.unsafelyUnwrapped.load(
      fromByteOffset: offset, as: UInt8.self)
  }

  @inlinable @inline(__always)
  public func withContiguousStorageIfAvailable<R>(
    _ body: (UnsafeBufferPointer<UInt8>) throws -> R
  ) rethrows -> R? {
    unsafe try buffer.withContiguousStorageIfAvailable(body)
  }
}

extension [UInt8] {
  /// Lends the bytes for the duration of `body`.
  @inlinable @inline(__always)
  public func withView<R>(_ body: (ByteView) throws -> R) rethrows -> R {
    unsafe try withUnsafeBytes { unsafe try body(ByteView($0)) }
  }

  @inlinable @inline(__always)
  public init(_ view: ByteView) { unsafe self.init(view.buffer) }

  @inlinable @inline(__always)
  public mutating func append(contentsOf view: ByteView) {
    unsafe append(contentsOf: view.buffer)
  }
}
