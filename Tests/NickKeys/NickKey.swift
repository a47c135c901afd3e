// The key of a peer that can prove its nick. libsecp256k1 signs. The nick and the signed text
// follow protocol.md §3 and §8, without code of the relay, so that this does not share its
// mistakes.

import CNettle
import CSecp256k1
import Foundation

public final class NickKey {
  private let context: OpaquePointer
  private let secret: [UInt8]
  /// Compressed, in lower-case hexadecimal digits.
  public let publicKey: String
  public let nick: String

  /// - Parameter secret: 32 bytes, a number from 1 to the order of the group − 1.
  public init(secret: [UInt8]) {
    guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      preconditionFailure("libsecp256k1 gave no context")
    }
    self.context = context
    self.secret = secret
    var key = secp256k1_pubkey()
    var bytes = [UInt8](repeating: 0, count: 33)
    var length = bytes.count
    guard secret.count == 32, secp256k1_ec_pubkey_create(context, &key, secret) == 1,
      secp256k1_ec_pubkey_serialize(
        context, &bytes, &length, &key, UInt32(SECP256K1_EC_COMPRESSED)) == 1
    else { preconditionFailure("no secret key") }
    publicKey = Self.hex(bytes)
    let name = Self.base58(Self.sha256(Array(publicKey.utf8)).prefix(10))
    nick = "J5" + name + String(repeating: "O", count: 14 - name.count)
  }

  /// Creates a random key. The fixed top byte keeps the number below the order of the group, so
  /// that it is always valid.
  public convenience init() {
    self.init(secret: [0x11] + (1..<32).map { _ in .random(in: 0...255) })
  }

  deinit { secp256k1_context_destroy(context) }

  /// Returns the line of an 805.
  /// - Parameters:
  ///   - handshake: the text of the line in the peer's 793.
  ///   - nick: the claimed nick. Nil: that of this key.
  ///   - publicKey: the public key in the proof. Nil: that of this key.
  public func proof(
    of handshake: String, nick: String? = nil, challenge: String, directory: String,
    publicKey: String? = nil, isHighS: Bool = false
  ) -> String {
    let key = publicKey ?? self.publicKey
    let digest = Self.hex(Self.sha256(Array(handshake.utf8)))
    let text =
      "nick-auth|\(challenge)|\(directory)|\(digest)|\(nick ?? self.nick)|\(key)nick-auth-v1"
    let signature = Data(sign(text, isHighS: isHighS))
    return #"{"pubkey":"\#(key)","signature":"\#(signature.base64EncodedString())"}"#
  }

  private func sign(_ text: String, isHighS: Bool) -> [UInt8] {
    let count = text.utf8.count
    let size = count < 0xfd ? [UInt8(count)] : [0xfd, UInt8(count & 0xff), UInt8(count >> 8)]
    let message = Array("\u{18}Bitcoin Signed Message:\n".utf8) + size + Array(text.utf8)
    var signature = secp256k1_ecdsa_signature()
    var isDone =
      secp256k1_ecdsa_sign(
        context, &signature, Self.sha256(Self.sha256(message)), secret, nil, nil) == 1
    if isHighS { isDone = isDone && raise(&signature) }
    var der = [UInt8](repeating: 0, count: 80)
    var length = der.count
    isDone =
      isDone && secp256k1_ecdsa_signature_serialize_der(context, &der, &length, &signature) == 1
    precondition(isDone, "not signed")
    return Array(der[..<length])
  }

  /// Replaces s by the order of the group − s: the signature stays valid, but is not canonical.
  private func raise(_ signature: inout secp256k1_ecdsa_signature) -> Bool {
    var compact = [UInt8](repeating: 0, count: 64)
    secp256k1_ecdsa_signature_serialize_compact(context, &compact, &signature)
    var s = Array(compact[32...])
    guard secp256k1_ec_seckey_negate(context, &s) == 1 else { return false }
    compact.replaceSubrange(32..., with: s)
    return secp256k1_ecdsa_signature_parse_compact(context, &signature, compact) == 1
  }

  // MARK: Text

  private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var context = sha256_ctx()
    nettle_sha256_init(&context)
    nettle_sha256_update(&context, bytes.count, bytes)
    var digest = [UInt8](repeating: 0, count: 32)
    nettle_sha256_digest(&context, digest.count, &digest)
    return digest
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Each leading zero byte becomes a leading 1.
  private static func base58(_ bytes: some Collection<UInt8>) -> String {
    let digits = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    var number = bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
    var text = ""
    while number > 0 {
      text.insert(digits[Int(number % 58)], at: text.startIndex)
      number /= 58
    }
    return String(repeating: "1", count: bytes.prefix { $0 == 0 }.count) + text
  }
}
