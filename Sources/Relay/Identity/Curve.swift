// secp256k1, through libsecp256k1. It makes the relay's own key and checks the signatures of peers;
// it never signs.
//
// Safe: libsecp256k1 keeps no pointer after a call, and each pointer has the 32, 33 or 64 bytes
// that its header demands or is passed with its length. Only this object frees its context.

import CSecp256k1
import Units
import Wire

/// A context of libsecp256k1, made once and used on the loop's thread.
@safe
package final class Curve {
  /// The outcome of checking a signature.
  enum Verdict {
    case valid, invalid
    /// The key is not on the curve, or the signature is not well formed.
    case malformed
  }

  private let context: OpaquePointer

  package init() {
    // `secp256k1_context_create(3)` aborts instead of failing.
    guard let context = unsafe secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      preconditionFailure("libsecp256k1 gave no context")
    }
    unsafe self.context = context
  }

  deinit { unsafe secp256k1_context_destroy(context) }

  /// Returns the compressed public key, 33 bytes, of a new secret key, and wipes that secret key.
  func freshPublicKey() -> [UInt8] {
    while true {
      // Fails for zero and from the group's order on: about once in 2^128.
      if let key = SecretKey().withBytes({ publicKey(secret: $0) }) { return key }
    }
  }

  /// The compressed public key, 33 bytes, or nil if the 32 bytes are no secret key.
  func publicKey(secret: ByteView) -> [UInt8]? {
    guard secret.count == 32, let start = unsafe secret.start else { return nil }
    var key = secp256k1_pubkey()
    guard unsafe secp256k1_ec_pubkey_create(context, &key, start) == 1 else { return nil }
    var out = [UInt8](repeating: 0, count: 33)
    var length = out.count
    let done = unsafe secp256k1_ec_pubkey_serialize(
      context, &out, &length, &key, UInt32(SECP256K1_EC_COMPRESSED))
    return done == 1 ? out : nil
  }

  /// - Parameters:
  ///   - signature: strict DER. High S is `invalid`; a number outside 1..<n is `malformed`.
  ///   - publicKey: 33 bytes, compressed.
  func verify(signature: [UInt8], hash: Bytes32, publicKey: [UInt8]) -> Verdict {
    var key = secp256k1_pubkey()
    guard publicKey.count == 33,
      unsafe secp256k1_ec_pubkey_parse(context, &key, publicKey, publicKey.count) == 1,
      let compact = DERSignature.compact(signature)
    else { return .malformed }
    var parsed = secp256k1_ecdsa_signature()
    guard unsafe secp256k1_ecdsa_signature_parse_compact(context, &parsed, compact) == 1 else {
      return .malformed
    }
    if unsafe secp256k1_ecdsa_signature_normalize(context, nil, &parsed) == 1 { return .invalid }
    let fits = hash.withBytes { hash in
      guard let start = unsafe hash.start else { return false }
      return unsafe secp256k1_ecdsa_verify(context, &parsed, start, &key) == 1
    }
    return fits ? .valid : .invalid
  }
}

/// ECDSA signatures in strict DER (BIP-66), with one encoding of each signature.
enum DERSignature {
  /// r and s, 32 bytes each, or nil unless the bytes are strict DER of two positive numbers of at
  /// most 256 bits.
  static func compact(_ bytes: [UInt8]) -> [UInt8]? {
    guard bytes.count >= 8, bytes[0] == 0x30, Int(bytes[1]) == bytes.count - 2 else { return nil }
    var rest = bytes[2...]
    guard let r = number(&rest), let s = number(&rest), rest.isEmpty else { return nil }
    return r + s
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
    let start = rest.startIndex
    guard rest.count >= 2, rest[start] == 2 else { return nil }
    let length = Int(rest[start + 1])
    guard (1...33).contains(length), rest.count >= 2 + length else { return nil }
    var value = rest[start + 2..<start + 2 + length]
    rest = rest[(start + 2 + length)...]
    guard let first = value.first, first < 0x80 else { return nil }
    if first == 0 {
      // A leading zero only where the next byte would make the number negative. This refuses zero
      // too.
      guard length > 1, value[value.startIndex + 1] >= 0x80 else { return nil }
      value = value.dropFirst()
    }
    guard value.count <= 32 else { return nil }
    return [UInt8](repeating: 0, count: 32 - value.count) + value
  }
}
