// The peer's side of nick authentication (protocol.md §8): a new key, its nick, and proofs that the
// nick belongs to the key. The relay never signs; `jm-directory-ctl probe` does.
//
// Safe: as in Curve.swift.

import CSecp256k1
import Units
import Wire

/// A random secret key, wiped with this object.
@safe
package final class NickProver {
  private let context: OpaquePointer
  private let secret: SecretKey
  /// Compressed, 66 lower-case hexadecimal digits.
  package let publicKey: String
  package let nick: Nick

  package init() {
    guard let context = unsafe secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      preconditionFailure("libsecp256k1 gave no context")
    }
    unsafe self.context = context
    let curve = Curve()
    while true {
      let secret = SecretKey()
      // Fails for zero and from the group's order on: about once in 2^128.
      guard let key = secret.withBytes({ curve.publicKey(secret: $0) }),
        let nick = Nick(publicKey: key)
      else { continue }
      self.secret = secret
      var digits: [UInt8] = []
      key.withView { digits.append(hexDigitsOf: $0) }
      publicKey = String(decoding: digits, as: UTF8.self)
      self.nick = nick
      return
    }
  }

  deinit {
    unsafe secp256k1_context_destroy(context)
  }

  /// Returns the line of an 805.
  /// - Parameters:
  ///   - handshakeLine: the decoded line of the 793.
  ///   - challenge: 64 hexadecimal digits.
  package func proof(challenge: String, directoryID: String, handshakeLine: String) -> String {
    let hash = NickAuth.signedHash(
      challenge: challenge, directoryID: directoryID,
      lineDigest: Digest.sha256(Array(handshakeLine.utf8)), nick: nick, publicKey: publicKey)
    let signature = Base64.encode(sign(hash))
    return "{\"pubkey\":\"\(publicKey)\",\"signature\":\"\(signature)\"}"
  }

  /// A signature in DER. libsecp256k1 always makes the low S.
  private func sign(_ hash: Bytes32) -> [UInt8] {
    var signature = secp256k1_ecdsa_signature()
    var der = [UInt8](repeating: 0, count: 72)
    var length = der.count
    var isDone = hash.withBytes { hash in
      secret.withBytes { secret in
        guard let digest = unsafe hash.start, let key = unsafe secret.start else { return false }
        return unsafe secp256k1_ecdsa_sign(context, &signature, digest, key, nil, nil) == 1
      }
    }
    isDone =
      unsafe isDone
      && secp256k1_ecdsa_signature_serialize_der(context, &der, &length, &signature) == 1
    precondition(isDone, "a valid key signs every hash")
    return Array(der[..<length])
  }
}
