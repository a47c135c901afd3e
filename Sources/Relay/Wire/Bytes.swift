// Helpers for borrowed bytes. A borrowed buffer is valid only during the call that provides it;
// code that keeps bytes copies them into `[UInt8]`.

extension UnsafeRawBufferPointer {
  /// The byte at `offset`; traps when there is none. Hides the standard library's subscript in this
  /// module, which checks nothing in release: a parser that miscounts ends the process instead of
  /// reading other memory.
  @inline(__always)
  subscript(offset: Int) -> UInt8 {
    precondition(UInt(bitPattern: offset) < UInt(bitPattern: count), "no byte at this offset")
    return baseAddress.unsafelyUnwrapped.load(fromByteOffset: offset, as: UInt8.self)
  }

  /// Returns the bytes at `range` as a buffer whose first offset is 0; traps when `range` is not
  /// within the bytes.
  @inline(__always)
  package func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "no bytes at this range")
    return UnsafeRawBufferPointer(
      start: baseAddress.map { $0 + range.lowerBound }, count: range.count)
  }

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

extension UInt8 {
  var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

  /// Returns an ASCII capital in lower case, any other byte unchanged.
  package var lowercased: UInt8 { self &- UInt8(ascii: "A") < 26 ? self | 0x20 : self }

  var isLetter: Bool { lowercased &- UInt8(ascii: "a") < 26 && self < 0x80 }

  /// The value of a hexadecimal digit of either case, or nil.
  package var hexValue: UInt8? {
    if isDigit { return self - UInt8(ascii: "0") }
    let letter = lowercased &- UInt8(ascii: "a")
    return letter < 6 ? letter + 10 : nil
  }

  /// The lower-case hexadecimal digit of the low four bits.
  package static func hexDigit(_ nibble: UInt8) -> UInt8 {
    let low = nibble & 15
    return low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10
  }
}

extension [UInt8] {
  package mutating func append(_ text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends `value` in decimal digits.
  package mutating func append(decimal value: some UnsignedInteger) {
    append(contentsOf: String(value).utf8)
  }
}

/// Exactly 32 bytes: a digest or a nonce.
package struct Bytes32: Hashable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64)

  /// Nil unless there are 32.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count == 32 else { return nil }
    words = bytes.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
  }

  package init?(_ bytes: [UInt8]) {
    guard let value = bytes.withUnsafeBytes({ Bytes32($0) }) else { return nil }
    self = value
  }

  /// Returns 32 bytes from the system's random source.
  package static func random() -> Bytes32 {
    var source = SystemRandomNumberGenerator()
    return Bytes32(words: (source.next(), source.next(), source.next(), source.next()))
  }

  private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    withUnsafeBytes(of: words, body)
  }

  /// 64 lower-case hexadecimal digits.
  package var hex: String {
    withBytes { bytes in
      String(
        decoding: bytes.flatMap { [UInt8.hexDigit($0 >> 4), UInt8.hexDigit($0)] }, as: UTF8.self)
    }
  }

  package static func == (a: Bytes32, b: Bytes32) -> Bool {
    a.words.0 == b.words.0 && a.words.1 == b.words.1 && a.words.2 == b.words.2
      && a.words.3 == b.words.3
  }

  package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }
}
