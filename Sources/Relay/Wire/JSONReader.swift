// A strict pull reader over the bytes of one JSON text (RFC 8259 without extensions): for envelopes
// that are not canonical, for the handshake and for the nick-authentication proof. It builds no
// tree; the caller requests the values that it expects. Nothing is read past the end, and the
// nesting depth, which is the recursion depth, is bounded.

import Units

package struct JSONReader {
  package enum Kind { case object, array, string, number, literal }

  /// The content of a string between its quotes, still escaped.
  package struct Text {
    package let range: Range<Int>
    let hasEscapes: Bool
  }

  /// The position of the reader in one object. `openObject` makes it.
  package struct ObjectCursor {
    fileprivate var isFirst = true
    fileprivate var keys: Set<[UInt8]> = []
  }

  package let bytes: ByteView
  package private(set) var at = 0
  private var levelsLeft: Int
  private let uniqueKeys: Bool

  /// - Parameters:
  ///   - maxNesting: how many objects and arrays may stand in each other; the outermost counts as
  ///     one.
  ///   - uniqueKeys: whether a key that comes twice in one object, however it is spelt, is an
  ///     error.
  package init(_ bytes: ByteView, maxNesting: Int, uniqueKeys: Bool) {
    self.bytes = bytes
    self.levelsLeft = maxNesting
    self.uniqueKeys = uniqueKeys
  }

  /// The kind of the next value, by its first byte.
  package mutating func peek() throws(EnvelopeError) -> Kind {
    switch try significantByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: return .literal
    }
  }

  package mutating func openObject() throws(EnvelopeError) -> ObjectCursor {
    try expect(UInt8(ascii: "{"))
    try descend()
    return ObjectCursor()
  }

  /// Reads the next key and moves to its value; nil at the object's end.
  package mutating func nextKey(_ cursor: inout ObjectCursor) throws(EnvelopeError) -> Text? {
    if try significantByte() == UInt8(ascii: "}") {
      at += 1
      levelsLeft += 1
      return nil
    }
    if !cursor.isFirst { try expect(UInt8(ascii: ",")) }
    cursor.isFirst = false
    let key = try string()
    try expect(UInt8(ascii: ":"))
    if uniqueKeys, !cursor.keys.insert(decoded(key)).inserted { throw .duplicateKey }
    return key
  }

  /// Reads the next value, a number, and returns its range.
  package mutating func number() throws(EnvelopeError) -> Range<Int> {
    _ = try significantByte()
    let start = at
    if at < bytes.count, bytes[at] == UInt8(ascii: "-") { at += 1 }
    if at < bytes.count, bytes[at] == UInt8(ascii: "0") { at += 1 } else { try digits() }
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      at += 1
      try digits()
    }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      at += 1
      if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") {
        at += 1
      }
      try digits()
    }
    return start..<at
  }

  /// `true`, `false`, or nil for `null`.
  mutating func literal() throws(EnvelopeError) -> Bool? {
    _ = try significantByte()
    let rest = bytes.part(at..<bytes.count)
    if rest.hasPrefix("true") {
      at += 4
      return true
    }
    if rest.hasPrefix("false") {
      at += 5
      return false
    }
    guard rest.hasPrefix("null") else { throw .notJSON }
    at += 4
    return nil
  }

  /// Skips the next value and checks it as strictly as any other.
  package mutating func skip() throws(EnvelopeError) {
    switch try peek() {
    case .string: _ = try string()
    case .number: _ = try number()
    case .literal: _ = try literal()
    case .object:
      var cursor = try openObject()
      while try nextKey(&cursor) != nil { try skip() }
    case .array: try skipArray()
    }
  }

  /// Checks that only white space follows.
  package mutating func end() throws(EnvelopeError) {
    skipSpace()
    if at != bytes.count { throw .notJSON }
  }

  package func decoded(_ text: Text) -> [UInt8] { JSONText.decode(bytes.part(text.range)) }

  /// Whether the decoded string is `word`.
  package func isText(_ text: Text, _ word: StaticString) -> Bool {
    if !text.hasEscapes { return bytes.part(text.range).isEqual(to: word) }
    return decoded(text).withView { $0.isEqual(to: word) }
  }

  // MARK: Strings

  /// Reads the next value, a string: valid UTF-8 without raw control characters, with complete
  /// escapes and paired surrogates.
  package mutating func string() throws(EnvelopeError) -> Text {
    try expect(UInt8(ascii: "\""))
    let start = at
    var hasEscapes = false
    while true {
      at = JSONText.endOfPlainRun(bytes, from: at)
      guard at < bytes.count else { throw .notJSON }
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at += 1
        return Text(range: start..<at - 1, hasEscapes: hasEscapes)
      case UInt8(ascii: "\\"):
        hasEscapes = true
        try escape()
      case 0..<0x20: throw .notJSON
      case 0x7f: at += 1
      default:
        guard let character = UTF8Character(bytes, at: at) else { throw .notUTF8 }
        at += character.length
      }
    }
  }

  private mutating func escape() throws(EnvelopeError) {
    guard at + 1 < bytes.count else { throw .notJSON }
    switch bytes[at + 1] {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      at += 2
    case UInt8(ascii: "u"):
      let unit = try unit(at: at)
      at += 6
      if unit & 0xfc00 == 0xdc00 { throw .loneSurrogate }
      guard unit & 0xfc00 == 0xd800 else { return }
      guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
        bytes[at + 1] == UInt8(ascii: "u")
      else { throw .loneSurrogate }
      guard try self.unit(at: at) & 0xfc00 == 0xdc00 else { throw .loneSurrogate }
      at += 6
    default: throw .notJSON
    }
  }

  private func unit(at: Int) throws(EnvelopeError) -> UInt32 {
    guard let unit = JSONText.fourDigits(bytes, at: at + 2) else { throw .notJSON }
    return unit
  }

  // MARK: Steps

  private mutating func skipArray() throws(EnvelopeError) {
    try expect(UInt8(ascii: "["))
    try descend()
    if try significantByte() != UInt8(ascii: "]") {
      try skip()
      while try significantByte() == UInt8(ascii: ",") {
        at += 1
        try skip()
      }
    }
    try expect(UInt8(ascii: "]"))
    levelsLeft += 1
  }

  private mutating func descend() throws(EnvelopeError) {
    levelsLeft -= 1
    if levelsLeft < 0 { throw .tooDeep }
  }

  private mutating func digits() throws(EnvelopeError) {
    let start = at
    while at < bytes.count, bytes[at].isDigit { at += 1 }
    if at == start { throw .notJSON }
  }

  private mutating func expect(_ byte: UInt8) throws(EnvelopeError) {
    guard try significantByte() == byte else { throw .notJSON }
    at += 1
  }

  /// Returns the next byte that is not white space.
  private mutating func significantByte() throws(EnvelopeError) -> UInt8 {
    skipSpace()
    guard at < bytes.count else { throw .notJSON }
    return bytes[at]
  }

  private mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] &- 9 < 2 || bytes[at] == 0x0d { at += 1 }
  }
}
