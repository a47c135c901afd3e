// Helpers for borrowed bytes. A borrowed buffer is valid only during the call that provides it;
// code that keeps bytes copies them into `[UInt8]`.

import Units

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
  package mutating func append(_ text: StaticString) {
    // Safe: a literal's bytes are where it says, for as long as the process runs.
    unsafe append(
      contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends two lower-case hexadecimal digits for each byte.
  package mutating func append(hexDigitsOf bytes: ByteView) {
    reserveCapacity(count + 2 * bytes.count)
    for byte in bytes {
      append(UInt8.hexDigit(byte >> 4))
      append(UInt8.hexDigit(byte))
    }
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
  package init?(_ bytes: ByteView) {
    guard bytes.count == 32 else { return nil }
    words = (bytes.word(at: 0), bytes.word(at: 8), bytes.word(at: 16), bytes.word(at: 24))
  }

  package init?(_ bytes: [UInt8]) {
    guard let value = bytes.withView({ Bytes32($0) }) else { return nil }
    self = value
  }

  /// Returns 32 bytes from the system's random source.
  package static func random() -> Bytes32 {
    var source = SystemRandomNumberGenerator()
    return Bytes32(words: (source.next(), source.next(), source.next(), source.next()))
  }

  private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  package func withBytes<R>(_ body: (ByteView) -> R) -> R {
    // Safe: integers without padding, lent for the call.
    unsafe withUnsafeBytes(of: words) { unsafe body(ByteView($0)) }
  }

  /// 64 lower-case hexadecimal digits.
  package var hex: String {
    var digits: [UInt8] = []
    withBytes { digits.append(hexDigitsOf: $0) }
    return String(decoding: digits, as: UTF8.self)
  }

  package static func == (a: Bytes32, b: Bytes32) -> Bool {
    a.words.0 == b.words.0 && a.words.1 == b.words.1 && a.words.2 == b.words.2
      && a.words.3 == b.words.3
  }

  package func hash(into hasher: inout Hasher) {
    // Safe: it reads the 32 bytes.
    withBytes { unsafe hasher.combine(bytes: $0.buffer) }
  }
}
