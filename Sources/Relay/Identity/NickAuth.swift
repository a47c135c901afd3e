// Nick authentication (protocol.md §8): the relay sends a nonce, the peer signs it with the key of
// its nick, the relay answers with a result code. The directory decides which peers have to prove,
// how long it waits and what a code means.

import Units
import Wire

/// The result in an 807.
package enum NickAuthCode: String, Hashable, CaseIterable, Sendable {
  case ok
  /// The 805 is malformed.
  case malformed
  /// No 805 was received in time.
  case expired
  /// The proof is well formed and wrong, or the nick belongs to another key.
  case invalid
  /// The relay refuses the peer whatever the proof says.
  case policy
}

package struct NickAuth {
  private let curve: Curve

  package init(curve: Curve = Curve()) { self.curve = curve }

  /// Returns the line of an 803, in compact JSON.
  package static func nonceLine(nonce: Bytes32, directoryID: DirectoryID) -> String {
    "{\"challenge\":\"\(nonce.hex)\",\"directory-id\":\"\(directoryID)\"}"
  }

  /// Returns the line of an 807.
  package static func resultLine(_ code: NickAuthCode) -> String {
    "{\"code\":\"\(code.rawValue)\",\"verified\":\(code == .ok)}"
  }

  /// Verifies the frame that the peer sent as its proof, without its CR LF.
  ///
  /// Connections use this form. It is stricter than `Envelope`: no key may come twice at any depth.
  /// It is also more lenient, like the reference: the type may be written `"805"` or `805.0`.
  package func verify(
    frame: ByteView, maxNesting: Int, nick: Nick, lineDigest: Bytes32,
    nonce: Bytes32, directoryID: DirectoryID
  ) -> Verdict {
    guard let line = try? ProofEnvelope.line(of: frame, maxNesting: maxNesting) else {
      return Verdict(code: .malformed)
    }
    return verify(
      proofLine: frame.part(line), nick: nick, lineDigest: lineDigest, nonce: nonce,
      directoryID: directoryID)
  }

  /// The result of verifying a proof.
  package struct Verdict: Equatable {
    package let code: NickAuthCode
    /// With `ok`, eight bytes of the key, which identify the same owner later.
    package var keyTag: UInt64?
  }

  /// Verifies the line of an 805, still escaped.
  package func verify(
    proofLine: ByteView, nick: Nick, lineDigest: Bytes32, nonce: Bytes32,
    directoryID: DirectoryID
  ) -> Verdict {
    let text = JSONText.decode(proofLine)
    guard let proof = try? text.withView({ try Proof($0) }),
      let key = NickAuth.key(fromHex: proof.publicKey),
      let signature = Base64.decode(proof.signature)
    else { return Verdict(code: .malformed) }
    let hash = NickAuth.signedHash(
      challenge: nonce.hex, directoryID: directoryID.description, lineDigest: lineDigest,
      nick: nick, publicKey: String(decoding: proof.publicKey, as: UTF8.self))
    switch curve.verify(signature: signature, hash: hash, publicKey: key) {
    case .malformed: return Verdict(code: .malformed)
    case .invalid: return Verdict(code: .invalid)
    case .valid:
      guard Nick(publicKey: key) == nick else { return Verdict(code: .invalid) }
      return Verdict(code: .ok, keyTag: key[1...8].reduce(0) { $0 << 8 | UInt64($1) })
    }
  }

  /// Returns the message that a proof signs.
  /// - Parameters:
  ///   - lineDigest: SHA-256 of the decoded line of the 793.
  ///   - publicKey: in hexadecimal digits.
  static func signedHash(
    challenge: String, directoryID: String, lineDigest: Bytes32, nick: Nick, publicKey: String
  ) -> Bytes32 {
    let fields = [
      "nick-auth", challenge, directoryID, lineDigest.hex, nick.description, publicKey,
    ]
    return bitcoinHash(Array(fields.joined(separator: "|").utf8) + Array("nick-auth-v1".utf8))
  }

  /// The hash of a Bitcoin signed message.
  private static func bitcoinHash(_ text: [UInt8]) -> Bytes32 {
    var message = Array("\u{18}Bitcoin Signed Message:\n".utf8)
    if text.count < 0xfd {
      message.append(UInt8(text.count))
    } else if text.count <= 0xffff {
      message += [0xfd, UInt8(text.count & 0xff), UInt8(text.count >> 8)]
    } else {
      message.append(0xfe)
      for shift in [0, 8, 16, 24] { message.append(UInt8(truncatingIfNeeded: text.count >> shift)) }
    }
    return Digest.sha256(message + text).withBytes { Digest.sha256($0) }
  }

  /// Returns 33 bytes from 66 lower-case hexadecimal digits, or nil.
  private static func key(fromHex digits: [UInt8]) -> [UInt8]? {
    guard digits.count == 66 else { return nil }
    var key: [UInt8] = []
    for i in stride(from: 0, to: 66, by: 2) {
      guard let high = digits[i].hexValue, let low = digits[i + 1].hexValue,
        digits[i] == digits[i].lowercased, digits[i + 1] == digits[i + 1].lowercased
      else { return nil }
      key.append(high << 4 | low)
    }
    return key
  }
}

/// The two strings of an 805's line. Other keys are refused.
private struct Proof {
  let publicKey: [UInt8]
  let signature: [UInt8]

  init(_ bytes: ByteView) throws(EnvelopeError) {
    var reader = JSONReader(bytes, maxNesting: 1, uniqueKeys: true)
    var cursor = try reader.openObject()
    var publicKey: [UInt8]?
    var signature: [UInt8]?
    while let key = try reader.nextKey(&cursor) {
      let value = reader.decoded(try reader.string())
      if reader.isText(key, "pubkey") {
        publicKey = value
      } else if reader.isText(key, "signature") {
        signature = value
      } else {
        throw .notJSON
      }
    }
    try reader.end()
    guard let publicKey, let signature else { throw .notJSON }
    self.publicKey = publicKey
    self.signature = signature
  }
}

/// Reads the envelope of an 805 like the reference.
private enum ProofEnvelope {
  static func line(of frame: ByteView, maxNesting: Int) throws(EnvelopeError)
    -> Range<Int>
  {
    var reader = JSONReader(frame, maxNesting: maxNesting, uniqueKeys: true)
    var cursor = try reader.openObject()
    var isProof = false
    var line: Range<Int>?
    while let key = try reader.nextKey(&cursor) {
      if reader.isText(key, "type") {
        isProof = try isProofType(&reader)
      } else if reader.isText(key, "line") {
        line = try reader.string().range
      } else {
        try reader.skip()
      }
    }
    try reader.end()
    guard isProof else { throw .badType }
    guard let line else { throw .noLine }
    return line
  }

  /// Returns whether the value is `805`, `"805"`, or 805 with zeros after the point.
  private static func isProofType(_ reader: inout JSONReader) throws(EnvelopeError) -> Bool {
    if try reader.peek() == .string { return reader.isText(try reader.string(), "805") }
    guard try reader.peek() == .number else { throw .badType }
    let text = reader.bytes.part(try reader.number())
    guard text.hasPrefix("805") else { return false }
    let rest = text.part(3..<text.count)
    return rest.isEmpty
      || rest[0] == UInt8(ascii: ".") && rest.dropFirst().allSatisfy { $0 == UInt8(ascii: "0") }
  }
}
