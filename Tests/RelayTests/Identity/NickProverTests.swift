import Testing
import Units
import Wire

@testable import Identity

@Suite("NickProver")
struct NickProverTests {
  @Test("A proof is valid only for its own handshake, nonce and directory")
  func proof() throws {
    let prover = NickProver()
    let nonce = Bytes32.random()
    let line = #"{"nick": "\#(prover.nick)"}"#
    let here = try #require(DirectoryID("here.test:5222"))
    let there = try #require(DirectoryID("there.test:5222"))
    let proof = prover.proof(
      challenge: nonce.hex, directoryID: here.description, handshakeLine: line)
    let escaped = Array(proof.replacing("\"", with: "\\\"").utf8)
    func code(_ directory: DirectoryID, _ nonce: Bytes32, _ line: String) -> NickAuthCode {
      escaped.withView {
        NickAuth().verify(
          proofLine: $0, nick: prover.nick, lineDigest: Digest.sha256(Array(line.utf8)),
          nonce: nonce, directoryID: directory
        ).code
      }
    }
    #expect(code(here, nonce, line) == .ok)
    #expect(code(there, nonce, line) == .invalid)
    #expect(code(here, .random(), line) == .invalid)
    #expect(code(here, nonce, line + " ") == .invalid)
  }

  @Test("Every prover has a different nick")
  func fresh() {
    #expect(Set((0..<20).map { _ in NickProver().nick }).count == 20)
  }

  @Test("base64 is in the form that the strict decoder accepts", arguments: 0..<9)
  func base64(_ count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: 251 &* $0 &+ 7) }
    #expect(Base64.decode(Array(Base64.encode(bytes).utf8)) == bytes)
  }
}
