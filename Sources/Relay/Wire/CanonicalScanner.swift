// Recognises frames in canonical form. Every frame passes here once, and nearly all frames need
// nothing else: this code takes the most CPU time of the relay.
//
//   {"type": 687, "line": "J5…!PUBLIC!orderbook"}
//   └ prefix ┘└n┘└─ middle ─┘└──── content ────┘└ end

import Units

enum CanonicalScanner {
  /// Returns the parts of `bytes`, or nil when they are not a canonical frame.
  static func scan(_ bytes: ByteView) -> Envelope? {
    guard bytes.count >= 23, bytes.hasPrefix("{\"type\": ") else { return nil }
    var at = 9
    guard let code = number(bytes, &at), at + 13 <= bytes.count,
      bytes.part(at..<bytes.count).hasPrefix(", \"line\": \"")
    else { return nil }
    let start = at + 11
    guard let end = endOfContent(bytes, from: start), end + 2 == bytes.count,
      bytes[end + 1] == UInt8(ascii: "}")
    else { return nil }
    return Envelope(code: code, line: start..<end, isCanonical: true)
  }

  /// A JSON number: digits without a leading zero.
  private static func number(_ bytes: ByteView, _ at: inout Int) -> UInt32? {
    let start = at
    var code: UInt64 = 0
    while at < bytes.count, bytes[at].isDigit {
      code = min(code &* 10 &+ UInt64(bytes[at] &- UInt8(ascii: "0")), UInt64(UInt32.max))
      at += 1
    }
    guard at > start, at == start + 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
    return UInt32(truncatingIfNeeded: code)
  }

  /// The offset of the quote that ends the string, or nil when something in it is not canonical.
  private static func endOfContent(_ bytes: ByteView, from start: Int) -> Int? {
    var at = start
    while true {
      at = JSONText.endOfPlainRun(bytes, from: at)
      guard at < bytes.count else { return nil }
      if bytes[at] == UInt8(ascii: "\"") { return at }
      guard bytes[at] == UInt8(ascii: "\\"), let length = escapeLength(bytes, at: at) else {
        return nil
      }
      at += length
    }
  }

  /// The length of the escape at `at` if `json.dumps` would write it, else nil.
  private static func escapeLength(_ bytes: ByteView, at: Int) -> Int? {
    guard at + 1 < bytes.count else { return nil }
    switch bytes[at + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"),
      UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      return 2
    case UInt8(ascii: "u"):
      guard let unit = lowerCaseUnit(bytes, at: at) else { return nil }
      if unit & 0xf800 != 0xd800 { return needsUnicodeEscape(unit) ? 6 : nil }
      guard unit & 0xfc00 == 0xd800, at + 7 < bytes.count, bytes[at + 6] == UInt8(ascii: "\\"),
        bytes[at + 7] == UInt8(ascii: "u"), let low = lowerCaseUnit(bytes, at: at + 6),
        low & 0xfc00 == 0xdc00
      else { return nil }
      return 12
    default: return nil
    }
  }

  private static func lowerCaseUnit(_ bytes: ByteView, at: Int) -> UInt32? {
    guard let unit = JSONText.fourDigits(bytes, at: at + 2) else { return nil }
    for i in at + 2..<at + 6 where bytes[i] &- UInt8(ascii: "A") < 6 { return nil }
    return unit
  }

  private static func needsUnicodeEscape(_ unit: UInt32) -> Bool {
    if unit >= 0x7f { return true }
    return unit < 0x20 && JSONText.shortEscape(for: UInt8(unit)) == nil
  }
}
