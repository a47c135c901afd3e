// The outer JSON of every frame, `{"type": 687, "line": "…"}`: finds its parts, checks it strictly
// (protocol.md §1), and tells whether it is canonical already. `FrameDecoder` is the only caller on
// the path of a message.
//
// Nearly every frame is canonical, so a recogniser for that form runs first, eight bytes at a time.
// It never accepts what the strict reader refuses. The strict reader decides all other cases.

import Units

/// Why a frame, or another JSON text of the protocol, is refused. In a frame it ends the
/// connection.
package enum EnvelopeError: Error, Hashable, Sendable {
  case notUTF8, notJSON, tooDeep, loneSurrogate
  /// `type` or `line` comes twice, or any key if the reader requires unique keys.
  case duplicateKey
  case noType, noLine
  /// `type` is not a plain non-negative integer.
  case badType
  /// `line` is not a string.
  case badLine
}

struct Envelope: Equatable {
  /// The value of `type`. A too large value is read as `UInt32.max`, which is no known type.
  package let code: UInt32
  /// The range of the content of `line`, between its quotes and still escaped.
  package let line: Range<Int>
  /// Whether the bytes are exactly what Python's `json.dumps` writes for this type and line.
  let isCanonical: Bool

  /// - Parameter maxNesting: levels of objects and arrays, the envelope itself being the first.
  static func scan(_ bytes: ByteView, maxNesting: Int) throws(EnvelopeError)
    -> Envelope
  {
    if maxNesting > 0, let envelope = CanonicalScanner.scan(bytes) { return envelope }
    return try scanStrictly(bytes, maxNesting: maxNesting)
  }

  private static func scanStrictly(_ bytes: ByteView, maxNesting: Int)
    throws(EnvelopeError) -> Envelope
  {
    var reader = JSONReader(bytes, maxNesting: maxNesting, uniqueKeys: false)
    var code: UInt32?
    var line: Range<Int>?
    var cursor = try reader.openObject()
    while let key = try reader.nextKey(&cursor) {
      if reader.isText(key, "type") {
        guard code == nil else { throw .duplicateKey }
        guard try reader.peek() == .number else { throw .badType }
        code = try typeCode(bytes.part(try reader.number()))
      } else if reader.isText(key, "line") {
        guard line == nil else { throw .duplicateKey }
        guard try reader.peek() == .string else { throw .badLine }
        line = try reader.string().range
      } else {
        try reader.skip()
      }
    }
    try reader.end()
    guard let code else { throw .noType }
    guard let line else { throw .noLine }
    return Envelope(code: code, line: line, isCanonical: false)
  }

  private static func typeCode(_ digits: ByteView) throws(EnvelopeError) -> UInt32 {
    var code: UInt64 = 0
    for digit in digits {
      guard digit.isDigit else { throw .badType }
      code = min(code * 10 + UInt64(digit - UInt8(ascii: "0")), UInt64(UInt32.max))
    }
    return UInt32(code)
  }
}
