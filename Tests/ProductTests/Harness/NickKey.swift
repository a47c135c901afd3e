// A peer that can prove its nick, with a key and a hand of its own: libsecp256k1 signs, and the text that is signed is put
// together here once more from protocol.md §8, so that a mistake of the relay is not repeated.

import CSecp256k1
import Foundation
import Testing

@testable import Relay

final class NickKey {
  private let context: OpaquePointer
  private let secret: [UInt8]
  /// Compressed, in lower-case hexadecimal digits.
  let publicKey: String
  let nick: String

  init() throws {
    guard let context = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE)) else {
      throw TestFailure("libsecp256k1 gave no context")
    }
    self.context = context
    // The top byte is below the group's, so that any of them is a key.
    secret = [0x11] + (1..<32).map { _ in UInt8.random(in: 0...255) }
    var key = secp256k1_pubkey()
    var bytes = [UInt8](repeating: 0, count: 33)
    var length = bytes.count
    guard secp256k1_ec_pubkey_create(context, &key, secret) == 1,
      secp256k1_ec_pubkey_serialize(
        context, &bytes, &length, &key, UInt32(SECP256K1_EC_COMPRESSED)) == 1,
      let nick = Nick(publicKey: bytes)
    else { throw TestFailure("no key") }
    publicKey = Self.hex(bytes)
    self.nick = nick.description
  }

  deinit { secp256k1_context_destroy(context) }

  /// What this key's owner says of itself.
  func hello(_ hello: Hello = .taker(1)) -> Hello {
    var hello = hello
    hello.nick = nick
    hello.features = ["nick_auth", "peerlist_features", "ping"]
    return hello
  }

  /// The line of an 805.
  func proof(
    of hello: Hello, challenge: String, directory: String, pubkey: String? = nil,
    isHighS: Bool = false
  ) throws -> String {
    let key = pubkey ?? publicKey
    let digest = Self.hex(Self.sha256(Array(hello.json.utf8)))
    let text = "nick-auth|\(challenge)|\(directory)|\(digest)|\(hello.nick)|\(key)nick-auth-v1"
    let signature = try sign(text, isHighS: isHighS)
    return
      #"{"pubkey":"\#(key)","signature":"\#(Data(signature).base64EncodedString())"}"#
  }

  private func sign(_ text: String, isHighS: Bool) throws -> [UInt8] {
    let count = text.utf8.count
    let size =
      count < 0xfd ? [UInt8(count)] : [0xfd, UInt8(count & 0xff), UInt8(count >> 8)]
    let message = Array("\u{18}Bitcoin Signed Message:\n".utf8) + size + Array(text.utf8)
    var signature = secp256k1_ecdsa_signature()
    guard
      secp256k1_ecdsa_sign(
        context, &signature, Self.sha256(Self.sha256(message)), secret, nil, nil) == 1
    else { throw TestFailure("not signed") }
    if isHighS { try raise(&signature) }
    var der = [UInt8](repeating: 0, count: 80)
    var length = der.count
    guard secp256k1_ecdsa_signature_serialize_der(context, &der, &length, &signature) == 1 else {
      throw TestFailure("not serialized")
    }
    return Array(der[..<length])
  }

  /// The other root: as true, and not canonical.
  private func raise(_ signature: inout secp256k1_ecdsa_signature) throws {
    var compact = [UInt8](repeating: 0, count: 64)
    secp256k1_ecdsa_signature_serialize_compact(context, &compact, &signature)
    var s = Array(compact[32...])
    guard secp256k1_ec_seckey_negate(context, &s) == 1 else { throw TestFailure("not negated") }
    compact.replaceSubrange(32..., with: s)
    guard secp256k1_ecdsa_signature_parse_compact(context, &signature, compact) == 1 else {
      throw TestFailure("not a signature")
    }
  }

  private static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    Digest.sha256(bytes).withBytes { Array($0) }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// A relay that asks for proofs, and what it says then.
enum Proving {
  static let directory = "relay.test:5222"
  static let settings = ["NICK_AUTH_DIRECTORY_ID": directory]

  static func accepted(by relay: RelayProcess, _ isAccepted: Bool = true, _ motd: String? = nil)
    throws -> String
  {
    Frames.frame(
      795,
      #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "proto-ver-max": 5, "#
        + #""features": {"nick_auth": true, "peerlist_features": true, "ping": true}, "#
        + #""accepted": \#(isAccepted), "nick": "\#(try relay.nick)", "network": "regtest", "#
        + #""motd": "\#(motd ?? RelayProcess.motd)"}"#)
  }

  static func result(_ code: String) -> String {
    Frames.frame(807, #"{"code":"\#(code)","verified":\#(code == "ok")}"#)
  }

  static func frame(_ line: String) -> String { Frames.frame(805, line) }
}

extension TestPeer {
  /// Connects and comes as far as the challenge.
  /// - Returns: its 64 digits.
  func awaitChallenge(_ hello: Hello, of relay: RelayProcess) throws -> String {
    try send(hello.frame)
    try expect(try Proving.accepted(by: relay))
    let frame = try nextFrame()
    let start = #"{"type": 803, "line": "{\"challenge\":\""#
    let end = #"\",\"directory-id\":\"\#(Proving.directory)\"}"}"# + "\r\n"
    let challenge = frame.dropFirst(start.count).prefix(64)
    guard frame == start + challenge + end, challenge.count == 64,
      challenge.allSatisfy({ "0123456789abcdef".contains($0) })
    else { throw TestFailure("not a challenge: \(frame)") }
    return String(challenge)
  }

  /// Connects and proves its nick.
  static func verified(_ key: NickKey, _ hello: Hello? = nil, to relay: RelayProcess) throws
    -> TestPeer
  {
    let peer = try TestPeer(.tcp(try relay.port))
    let hello = hello ?? key.hello()
    let challenge = try peer.awaitChallenge(hello, of: relay)
    try peer.send(
      Proving.frame(
        try key.proof(of: hello, challenge: challenge, directory: Proving.directory)))
    try peer.expect(Proving.result("ok"))
    return peer
  }
}
