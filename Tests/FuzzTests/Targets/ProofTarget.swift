// An 805 for a fixed challenge (case V01 of the nick-authentication vectors), and its two
// encodings, base64 and DER. Each value must have one encoding only.

import Units

@testable import Identity
@testable import Wire

enum ProofTarget {
  static func run(_ input: ByteView) throws {
    guard let nick = Nick("J52N8GdNkKtMA6TW"),
      let challenge = Bytes32([UInt8](repeating: 0x22, count: 32)),
      let other = Bytes32([UInt8](repeating: 0x23, count: 32)),
      let id = DirectoryID("nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoyd.onion:5222")
    else { throw Violation(description: "the constants are well formed") }
    let digest = Digest.sha256(Array(#"{"nick":"J5example","features":{"nick_auth":true}}"#.utf8))
    let checker = NickAuth()
    func verify(_ challenge: Bytes32) -> NickAuth.Verdict {
      checker.verify(
        frame: input, maxNesting: 10, nick: nick, lineDigest: digest, nonce: challenge,
        directoryID: id)
    }
    let verdict = verify(challenge)
    try hold("the verdict has a known code", [.ok, .malformed, .invalid].contains(verdict.code))
    try hold("only a proof has a key", (verdict.keyTag != nil) == (verdict.code == .ok))
    try hold(
      "it does not answer another challenge",
      verify(other).code == (verdict.code == .malformed ? .malformed : .invalid))
    try checkSpellings(Array(input))
  }

  private static func checkSpellings(_ bytes: [UInt8]) throws {
    if let decoded = Base64.decode(bytes) {
      try hold("a value has one base64 form", base64(decoded) == bytes)
    }
    if let numbers = DERSignature.compact(bytes) {
      let body = der(numbers[..<32]) + der(numbers[32...])
      try hold("a value has one DER form", [0x30, UInt8(body.count)] + body == bytes)
    }
  }

  private static func base64(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var out: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let word = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for place in 0..<4 {
        out.append(place <= group.count ? digits[word >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
      }
    }
    return out
  }

  private static func der(_ number: ArraySlice<UInt8>) -> [UInt8] {
    var digits = Array(number.drop { $0 == 0 })
    if let first = digits.first, first >= 0x80 { digits.insert(0, at: 0) }
    return [2, UInt8(digits.count)] + digits
  }
}
