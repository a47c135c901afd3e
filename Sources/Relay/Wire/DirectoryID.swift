/// The name that clients dial, `<onion>:<port>`. A nick-authentication proof is bound to it, so a
/// proof given to one directory is not valid at another.
package struct DirectoryID: Hashable, Sendable, CustomStringConvertible {
  package let description: String

  /// Nil unless the text is `[a-z0-9][a-z0-9.:_-]*`. Its length is not limited by the protocol.
  package init?(_ text: String) {
    guard let first = text.utf8.first, DirectoryID.isPlain(first) else { return nil }
    for byte in text.utf8 where !DirectoryID.isPlain(byte) && !".:_-".utf8.contains(byte) {
      return nil
    }
    description = text
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    byte.isDigit || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
  }
}
