import Foundation
import NickKeys
import Testing
import Units

@testable import Directory
@testable import Identity
@testable import Wire

/// The test vectors of `Data`.
private struct NickVectors: Decodable {
  struct Vector: Decodable { let name, privateKey, pubkey, nick: String }
  let vectors: [Vector]
}

private struct NickAuthVectors: Decodable {
  struct Case: Decodable {
    let id, name, nick, challenge, directoryId, handshakeLine, wireB64, expected: String
  }
  struct ID: Decodable {
    let id: String
    let valid: Bool
  }
  let valid, invalid: [Case]
  let directoryIds: [ID]
}

private func vectors<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
  let url = try #require(Bundle.module.url(forResource: "Data/\(name)", withExtension: "json"))
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(type, from: Data(contentsOf: url))
}

private func bytes(hex: String) -> [UInt8] {
  let digits = Array(hex.utf8).compactMap(\.hexValue)
  return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

@Suite struct IdentityTests {
  @Test("Nicks of keys are those of the test vectors")
  func nicks() throws {
    let curve = Curve()
    for vector in try vectors(NickVectors.self, "nick").vectors {
      let secret = bytes(hex: vector.privateKey)
      let key = try #require(secret.withView { curve.publicKey(secret: $0) })
      #expect(key == bytes(hex: vector.pubkey), "\(vector.name)")
      #expect(Nick(publicKey: key)?.description == vector.nick, "\(vector.name)")
    }
  }

  @Test("NickKey derives the same nick as the relay")
  func ownKeys() throws {
    for number in 1...1_500 {
      let secret = (0..<32).map {
        UInt8(truncatingIfNeeded: $0 < 30 ? 7 : number >> (8 * ($0 - 30)))
      }
      let key = NickKey(secret: secret)
      let nick = Nick(publicKey: bytes(hex: key.publicKey))
      #expect(key.nick == nick?.description)
    }
  }

  @Test("Fresh identities are valid nicks of version 5 and differ")
  func fresh() {
    let nicks = (0..<20).map { _ in RelayIdentity.generate() }
    #expect(Set(nicks).count == 20)
    #expect(nicks.allSatisfy { $0.description.hasPrefix("J5") })
  }

  @Test("A key that is not 33 bytes has no nick")
  func shortKeys() {
    #expect(Nick(publicKey: []) == nil)
    #expect(Nick(publicKey: [UInt8](repeating: 2, count: 32)) == nil)
  }

  @Test("Base58 keeps leading zeros")
  func base58() {
    #expect(text(Base58.encode([])) == "")
    #expect(text(Base58.encode([0, 0, 1])) == "112")
    #expect(text(Base58.encode([0xff, 0xff])) == "LUv")
  }

  @Test("Base64 is decoded only in the form of a strict encoder")
  func base64() {
    #expect(Base64.decode(Array("".utf8)) == [])
    #expect(Base64.decode(Array("TWFu".utf8)) == Array("Man".utf8))
    #expect(Base64.decode(Array("TWE=".utf8)) == Array("Ma".utf8))
    #expect(Base64.decode(Array("TQ==".utf8)) == Array("M".utf8))
    #expect(Base64.decode(Array("+/+/".utf8)) == [0xfb, 0xff, 0xbf])
    for bad in [
      "T", "TQ", "TQ=", "TQ===", "TR==", "TWF=", "TW=u", "====", "T===", "TQ==\n", "TQ= =", "-_-_",
    ] {
      #expect(Base64.decode(Array(bad.utf8)) == nil, "\(bad)")
    }
  }
}

@Suite struct NickAuthTests {
  @Test("Every recorded proof gets the reference's code")
  func recordedProofs() throws {
    let auth = NickAuth()
    let recorded = try vectors(NickAuthVectors.self, "nick-auth")
    #expect(recorded.valid.count + recorded.invalid.count == 109)
    for proof in recorded.valid + recorded.invalid {
      #expect(try verify(proof, auth).rawValue == proof.expected, "\(proof.id) \(proof.name)")
    }
  }

  /// Frames the bytes and verifies the line, as a connection does.
  private func verify(_ proof: NickAuthVectors.Case, _ auth: NickAuth) throws -> NickAuthCode {
    let wire = [UInt8](try #require(Data(base64Encoded: proof.wireB64))) + Array("\r\n".utf8)
    // The relay would have rejected an invalid nick before its proof.
    guard let nick = Nick(proof.nick) else { return .invalid }
    let challenge = try #require(Bytes32(bytes(hex: proof.challenge)))
    let id = try #require(DirectoryID(proof.directoryId))
    var framer = LineFramer(limit: 65_536)
    return wire.withView { wire in
      guard case .line(let line, _) = framer.next(in: wire, from: 0) else { return .malformed }
      return auth.verify(
        frame: wire.part(line), maxNesting: 10, nick: nick,
        lineDigest: Digest.sha256(Array(proof.handshakeLine.utf8)), nonce: challenge,
        directoryID: id
      ).code
    }
  }

  @Test("Directory ids are accepted or refused as in the test vectors")
  func directoryIDs() throws {
    for id in try vectors(NickAuthVectors.self, "nick-auth").directoryIds {
      #expect((DirectoryID(id.id) != nil) == id.valid, "\(id.id.prefix(40))")
    }
  }

  @Test("The challenge and the result are compact JSON")
  func lines() throws {
    let challenge = try #require(Bytes32([UInt8](repeating: 0x0a, count: 32)))
    let id = try #require(DirectoryID("a.onion:5222"))
    #expect(
      NickAuth.nonceLine(nonce: challenge, directoryID: id)
        == #"{"challenge":""# + String(repeating: "0a", count: 32)
        + #"","directory-id":"a.onion:5222"}"#)
    #expect(NickAuth.resultLine(.ok) == #"{"code":"ok","verified":true}"#)
    for code in [NickAuthCode.malformed, .expired, .invalid, .policy] {
      #expect(NickAuth.resultLine(code) == #"{"code":"\#(code.rawValue)","verified":false}"#)
    }
  }

  @Test("Challenges are not repeated")
  func randomChallenges() {
    #expect(Set((0..<100).map { _ in Bytes32.random() }).count == 100)
  }
}
