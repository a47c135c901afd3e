// Decodes and writes the content of a JSON string. It is written like Python's `json.dumps`, which
// is the canonical form: only 0x20…0x7e are not escaped.

import Units

package enum JSONText {
  /// Appends `content` with decoded escapes, in UTF-8. `content` was checked by a reader: its
  /// escapes are complete and its surrogates paired.
  package static func decode(_ content: ByteView, into out: inout [UInt8]) {
    out.reserveCapacity(out.count + content.count)
    var at = 0
    while at < content.count {
      guard let escape = content.firstOffset(of: UInt8(ascii: "\\"), from: at) else {
        out.append(contentsOf: content.part(at..<content.count))
        return
      }
      out.append(contentsOf: content.part(at..<escape))
      at = decodeEscape(content, at: escape, into: &out)
    }
  }

  package static func decode(_ content: ByteView) -> [UInt8] {
    var out: [UInt8] = []
    decode(content, into: &out)
    return out
  }

  /// Appends `text`, which is UTF-8, in canonical form. An invalid byte becomes U+FFFD; the relay's
  /// own texts have none.
  package static func encode(_ text: ByteView, into out: inout [UInt8]) {
    out.reserveCapacity(out.count + text.count)
    var at = 0
    while at < text.count {
      let end = endOfPlainRun(text, from: at)
      out.append(contentsOf: text.part(at..<end))
      at = end
      guard at < text.count else { return }
      let byte = text[at]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
        out.append(UInt8(ascii: "\\"))
        out.append(byte)
        at += 1
      } else if byte < 0x80 {
        encodeControl(byte, into: &out)
        at += 1
      } else {
        let character = UTF8Character(text, at: at)
        encodeScalar(character?.scalar ?? 0xfffd, into: &out)
        at += character?.length ?? 1
      }
    }
  }

  /// Returns the offset of the first byte that is a quote, a backslash or outside 0x20…0x7e. The
  /// bytes before it need no escape.
  ///
  /// Eight bytes at a time with integer arithmetic; Swift's SIMD types and loops over bytes are
  /// several times slower. Each test sets the high bit of a byte that matches or is not ASCII,
  /// which matches too. A carry or borrow can only change bytes above a match, and only the lowest
  /// match counts.
  static func endOfPlainRun(_ bytes: ByteView, from start: Int) -> Int {
    precondition(start >= 0 && start <= bytes.count, "no bytes at this offset")
    let ones: UInt64 = 0x0101_0101_0101_0101
    let high: UInt64 = 0x8080_8080_8080_8080
    var at = start
    while at &+ 8 <= bytes.count {
      let word = UInt64(littleEndian: bytes.word(at: at))
      let isQuote = (word ^ (ones &* 0x22)) &- ones
      let isBackslash = (word ^ (ones &* 0x5c)) &- ones
      let isControl = word &- (ones &* 0x20)
      let isBeyond = (word &+ ones) | word
      let hits = (isQuote | isBackslash | isControl | isBeyond) & high
      if hits != 0 { return at &+ hits.trailingZeroBitCount / 8 }
      at &+= 8
    }
    while at < bytes.count, isPlain(bytes[at]) { at += 1 }
    return at
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// The letter of the short escape for a control character, or nil where there is none.
  static func shortEscape(for byte: UInt8) -> UInt8? {
    switch byte {
    case 0x08: UInt8(ascii: "b")
    case 0x09: UInt8(ascii: "t")
    case 0x0a: UInt8(ascii: "n")
    case 0x0c: UInt8(ascii: "f")
    case 0x0d: UInt8(ascii: "r")
    default: nil
    }
  }

  /// The number in the four hexadecimal digits of either case at `at`, or nil.
  static func fourDigits(_ bytes: ByteView, at start: Int) -> UInt32? {
    guard start + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for i in start..<start + 4 {
      guard let digit = bytes[i].hexValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// Returns the scalar of a surrogate pair.
  package static func scalar(high: UInt32, low: UInt32) -> UInt32 {
    0x1_0000 + ((high & 0x3ff) << 10 | (low & 0x3ff))
  }

  /// Decodes the escape whose backslash is at `at` and returns the offset after it.
  private static func decodeEscape(
    _ content: ByteView, at: Int, into out: inout [UInt8]
  ) -> Int {
    let letter = content[at + 1]
    switch letter {
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "u"):
      let unit = fourDigits(content, at: at + 2) ?? 0xfffd
      guard unit & 0xfc00 == 0xd800, let low = fourDigits(content, at: at + 8) else {
        appendUTF8(unit, to: &out)
        return at + 6
      }
      appendUTF8(scalar(high: unit, low: low), to: &out)
      return at + 12
    default: out.append(letter)
    }
    return at + 2
  }

  private static func appendUTF8(_ value: UInt32, to out: inout [UInt8]) {
    let scalar = Unicode.Scalar(value) ?? "\u{fffd}"
    out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
  }

  private static func encodeControl(_ byte: UInt8, into out: inout [UInt8]) {
    guard let letter = shortEscape(for: byte) else { return encodeUnit(UInt32(byte), into: &out) }
    out.append(UInt8(ascii: "\\"))
    out.append(letter)
  }

  private static func encodeScalar(_ scalar: UInt32, into out: inout [UInt8]) {
    guard scalar > 0xffff else { return encodeUnit(scalar, into: &out) }
    let rest = scalar - 0x1_0000
    encodeUnit(0xd800 | rest >> 10, into: &out)
    encodeUnit(0xdc00 | rest & 0x3ff, into: &out)
  }

  private static func encodeUnit(_ unit: UInt32, into out: inout [UInt8]) {
    out.append("\\u")
    for shift: UInt32 in [12, 8, 4, 0] {
      out.append(UInt8.hexDigit(UInt8(truncatingIfNeeded: unit >> shift)))
    }
  }
}

/// One character of strict UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
struct UTF8Character {
  package let scalar: UInt32
  /// In bytes, 1 to 4.
  package let length: Int

  /// Nil unless a complete valid character begins at `at`.
  package init?(_ bytes: ByteView, at: Int) {
    let first = bytes[at]
    let lowest: UInt32
    switch first {
    case 0..<0x80: (length, lowest) = (1, 0)
    case 0xc2..<0xe0: (length, lowest) = (2, 0x80)
    case 0xe0..<0xf0: (length, lowest) = (3, 0x800)
    case 0xf0..<0xf5: (length, lowest) = (4, 0x1_0000)
    default: return nil
    }
    guard at + length <= bytes.count else { return nil }
    var value = UInt32(first) & (length == 1 ? 0x7f : 0x7f >> UInt32(length))
    for i in at + 1..<at + length {
      guard bytes[i] & 0xc0 == 0x80 else { return nil }
      value = value << 6 | UInt32(bytes[i] & 0x3f)
    }
    guard value >= lowest, Unicode.Scalar(value) != nil else { return nil }
    scalar = value
  }
}
