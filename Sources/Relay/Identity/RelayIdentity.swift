// Nicks derived from keys. The relay makes its own nick at each start; an authenticated peer must
// use the nick of its key.

import Units
import Wire

package enum RelayIdentity {
  /// Returns the nick of a new key and discards the key: the relay never signs.
  package static func generate(_ curve: Curve = Curve()) -> Nick {
    guard let nick = Nick(publicKey: curve.freshPublicKey()) else {
      preconditionFailure("a key of 33 bytes always has a nick")
    }
    return nick
  }
}

extension Nick {
  /// The nick of protocol version 5 for a compressed public key: `J5` and the base58 of the first
  /// ten bytes of SHA-256 of the key's hexadecimal text, padded with `O`. Nil unless the key has 33
  /// bytes.
  package init?(publicKey: [UInt8]) {
    guard publicKey.count == 33 else { return nil }
    var hex: [UInt8] = []
    publicKey.withView { hex.append(hexDigitsOf: $0) }
    let name = Digest.sha256(hex).withBytes { Base58.encode($0.prefix(10)) }
    let padding = [UInt8](repeating: UInt8(ascii: "O"), count: max(0, 14 - name.count))
    self.init(Array("J5".utf8) + name + padding)
  }
}
