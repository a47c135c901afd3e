import Units

/// A peer's name: `J`, the digit of its protocol version, and 14 characters of base58 or the
/// padding `O`.
///
/// The 16 bytes are two words, so a nick needs no allocation and compares in two instructions. Its
/// characters are never escaped in JSON and are no separators in a peerlist or a routing line.
package struct Nick: Hashable, Sendable, CustomStringConvertible {
  package static let length = 16

  private let low: UInt64
  private let high: UInt64

  /// Nil unless the bytes are a nick and nothing else.
  package init?(_ bytes: ByteView) {
    guard bytes.count == Nick.length, bytes[0] == UInt8(ascii: "J"), bytes[1].isDigit else {
      return nil
    }
    for i in 2..<Nick.length where !Nick.isAllowed(bytes[i]) { return nil }
    low = bytes.word(at: 0)
    high = bytes.word(at: 8)
  }

  package init?(_ bytes: [UInt8]) {
    guard let nick = bytes.withView({ (view) -> Nick? in Nick(view) }) else { return nil }
    self = nick
  }

  package init?(_ text: String) { self.init(Array(text.utf8)) }

  /// The value before a nick is known. No peer can have it.
  package static let nobody = Nick(low: 0, high: 0)

  private init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  package func append(to out: inout [UInt8]) { withBytes { out.append(contentsOf: $0) } }

  package var description: String { withBytes { String(decoding: $0, as: UTF8.self) } }

  package func withBytes<R>(_ body: (ByteView) -> R) -> R {
    // Safe: integers without padding, lent for the call.
    unsafe withUnsafeBytes(of: (low, high)) { unsafe body(ByteView($0)) }
  }

  /// Whether these bytes are this nick.
  package func isEqual(to bytes: ByteView) -> Bool {
    bytes.count == Nick.length
      && bytes.word(at: 0) == low
      && bytes.word(at: 8) == high
  }

  /// Digits and letters except `0`, `I` and `l`: base58, and `O` as padding.
  private static func isAllowed(_ byte: UInt8) -> Bool {
    guard byte != UInt8(ascii: "0"), byte != UInt8(ascii: "I"), byte != UInt8(ascii: "l") else {
      return false
    }
    return byte.isDigit || byte.isLetter
  }
}
