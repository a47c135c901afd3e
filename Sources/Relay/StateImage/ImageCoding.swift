import Units

/// A value that an image can hold. A record conforms through its `Layout`.
package protocol ImageField: Sendable {
  static func read(_ reader: inout ImageReader) -> Self
  func write(to writer: inout ImageWriter)
}

/// Several fields in sequence.
package protocol ImageRecord: ImageField {
  associatedtype RecordLayout: LayoutOfRecord where RecordLayout.Record == Self
  static var layout: RecordLayout { get }
}

extension ImageRecord {
  package static func read(_ reader: inout ImageReader) -> Self { layout.read(&reader) }
  package func write(to writer: inout ImageWriter) { Self.layout.write(self, to: &writer) }
}

package protocol LayoutOfRecord<Record>: Sendable {
  associatedtype Record
  func write(_ record: Record, to writer: inout ImageWriter)
  func read(_ reader: inout ImageReader) -> Record
}

/// Writes and reads one record, from one list of its fields.
///
/// `make` is the record's memberwise initialiser and `split` returns its fields in the same order.
/// Both have the types of the same pack, so a record with a new field does not compile until its
/// layout has it too.
package struct Layout<Record, each Field: ImageField>: LayoutOfRecord {
  private let make: @Sendable (repeat each Field) -> Record
  private let split: @Sendable (Record) -> (repeat each Field)

  package init(
    _ make: @escaping @Sendable (repeat each Field) -> Record,
    _ split: @escaping @Sendable (Record) -> (repeat each Field)
  ) {
    self.make = make
    self.split = split
  }

  package func write(_ record: Record, to writer: inout ImageWriter) {
    let fields = split(record)
    repeat (each fields).write(to: &writer)
  }

  package func read(_ reader: inout ImageReader) -> Record {
    make(repeat (each Field).read(&reader))
  }
}

package struct ImageWriter {
  package private(set) var bytes: [UInt8] = []

  /// - Parameter length: the approximate number of bytes to reserve.
  package init(reserving length: Int = 0) { bytes.reserveCapacity(length) }

  package mutating func integer<T: FixedWidthInteger>(_ value: T) {
    for shift in stride(from: 0, to: T.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> shift))
    }
  }

  /// Overwrites bytes that were written right before `end`.
  mutating func replaceInteger<T: FixedWidthInteger>(_ value: T, endingAt end: Int) {
    let start = end - T.bitWidth / 8
    for i in 0..<T.bitWidth / 8 { bytes[start + i] = UInt8(truncatingIfNeeded: value >> (8 * i)) }
  }

  package mutating func raw(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }
}

/// Reads values from bytes, inside their bounds. After the first fault all reads return zero or
/// empty values; the caller checks `fault` at the end. So reading a damaged image allocates no more
/// than its length.
package struct ImageReader {
  private let bytes: [UInt8]
  private var position: Int
  package private(set) var fault: ImageFault?

  package init(_ bytes: [UInt8], from start: Int = 0) {
    self.bytes = bytes
    position = min(start, bytes.count)
  }

  package var remaining: Int { bytes.count - position }

  package mutating func integer<T: FixedWidthInteger>(_ type: T.Type) -> T {
    guard let part = take(MemoryLayout<T>.size) else { return 0 }
    return part.reversed().reduce(0) { $0 << 8 | T(truncatingIfNeeded: $1) }
  }

  /// Returns the next `count` bytes, or nil and a fault when fewer are left.
  package mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard fault == nil, count <= remaining else {
      fail(.truncated)
      return nil
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  package mutating func fail(_ fault: ImageFault) {
    if self.fault == nil { self.fault = fault }
  }
}

// MARK: Fields

extension UInt8: ImageField {}
extension UInt16: ImageField {}
extension UInt32: ImageField {}
extension UInt64: ImageField {}
extension Int32: ImageField {}
extension Int64: ImageField {}

extension ImageField where Self: FixedWidthInteger {
  package static func read(_ reader: inout ImageReader) -> Self { reader.integer(Self.self) }
  package func write(to writer: inout ImageWriter) { writer.integer(self) }
}

extension Bool: ImageField {
  package static func read(_ reader: inout ImageReader) -> Bool {
    let value = reader.integer(UInt8.self)
    if value > 1 { reader.fail(.malformed) }
    return value == 1
  }

  package func write(to writer: inout ImageWriter) { writer.integer(UInt8(self ? 1 : 0)) }
}

/// An enumeration is stored as its raw value; an unknown value is a fault.
extension ImageField where Self: RawRepresentable & CaseIterable, RawValue == UInt8 {
  package static func read(_ reader: inout ImageReader) -> Self {
    if let value = Self(rawValue: reader.integer(UInt8.self)) { return value }
    reader.fail(.malformed)
    return Self.allCases[Self.allCases.startIndex]
  }

  package func write(to writer: inout ImageWriter) { writer.integer(rawValue) }
}

/// Nanoseconds of CLOCK_MONOTONIC, which is the same for all processes of one boot.
extension Instant: ImageField {
  package static func read(_ reader: inout ImageReader) -> Instant {
    let nanoseconds = reader.integer(Int64.self)
    // At most 73 years in both directions, so that a sum with any duration of the settings does not
    // overflow. An idle token bucket has the lowest value.
    if !(.min / 2...(.max / 4)).contains(nanoseconds) { reader.fail(.malformed) }
    return Instant(nanoseconds: nanoseconds)
  }

  package func write(to writer: inout ImageWriter) { writer.integer(nanoseconds) }
}

extension Optional: ImageField where Wrapped: ImageField {
  package static func read(_ reader: inout ImageReader) -> Wrapped? {
    Bool.read(&reader) ? Wrapped.read(&reader) : nil
  }

  package func write(to writer: inout ImageWriter) {
    (self != nil).write(to: &writer)
    if let self { self.write(to: &writer) }
  }
}

/// A count, then the elements. An element has at least one byte, so a count larger than the
/// remaining bytes is a fault.
extension Array: ImageField where Element: ImageField {
  package static func read(_ reader: inout ImageReader) -> [Element] {
    let count = Int(reader.integer(UInt32.self))
    guard count <= reader.remaining else {
      reader.fail(.truncated)
      return []
    }
    if Element.self == UInt8.self {
      return reader.take(count).flatMap { [UInt8]($0) as? [Element] } ?? []
    }
    var elements: [Element] = []
    for _ in 0..<count {
      guard reader.fault == nil else { return [] }
      elements.append(Element.read(&reader))
    }
    return elements
  }

  package func write(to writer: inout ImageWriter) {
    writer.integer(UInt32(count))
    if let bytes = self as? [UInt8] { return writer.raw(bytes) }
    for element in self { element.write(to: &writer) }
  }
}
