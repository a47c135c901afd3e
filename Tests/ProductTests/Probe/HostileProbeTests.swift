// Probes of directories with invalid answers. The probe ends within its timeouts, uses bounded
// memory and prints a line that is safe for a terminal.

import Foundation
import Testing

/// A directory that misbehaves, and what the probe must report.
struct HostileDirectory: CustomTestStringConvertible, Sendable {
  let testDescription: String
  var greeting: [CannedServer.Reply] = []
  var answers: [Int: [CannedServer.Reply]] = [:]
  let code: Int32
  let words: String

  /// A 795 that accepts the probe.
  static func welcome(_ features: String = #""ping": true"#, motd: String = "hi") -> String {
    Frames.frame(
      795,
      #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "proto-ver-max": 5, "#
        + #""features": {\#(features)}, "accepted": true, "nick": "J5DRZSFDwhucsshM", "#
        + #""network": "regtest", "motd": "\#(motd)"}"#)
  }

  static let proving = welcome(#""nick_auth": true"#)

  static func challenge(_ directory: String) -> String {
    Frames.frame(
      803,
      #"{"challenge":"\#(String(repeating: "0", count: 64))","directory-id":"\#(directory)"}"#)
  }

  static let all: [HostileDirectory] = [
    .init(
      testDescription: "an SSH server", greeting: [.text("SSH-2.0-OpenSSH_9.2p1\r\n")], code: 3,
      words: "SSH-2.0-OpenSSH"),
    .init(
      testDescription: "noise without end", greeting: [.endless([7, 27, 255, 0])], code: 3,
      words: "more than any directory"),
    .init(
      testDescription: "half a line, then silence", greeting: [.text("hello")], code: 3,
      words: "hello"),
    .init(
      testDescription: "a maker's own onion", answers: [793: [.text(Frames.frame(793, "{}"))]],
      code: 3,
      words: "type 793 instead of 795"),
    .init(testDescription: "silence", code: 1, words: "does not answer the handshake within"),
    .init(
      testDescription: "closed at once", greeting: [.close], code: 1,
      words: "closes without an answer"),
    .init(
      testDescription: "nesting without end",
      answers: [793: [.text(String(repeating: "[", count: 100_000) + "\n")]], code: 3,
      words: "another protocol"),
    .init(
      testDescription: "a handshake that is no object",
      answers: [793: [.text(Frames.frame(795, "[]"))]],
      code: 1, words: "clients do not understand its handshake"),
    .init(
      testDescription: "a handshake without features",
      answers: [
        793: [
          .text(
            Frames.frame(
              795,
              #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "#
                + #""proto-ver-max": 5}"#
            ))
        ]
      ], code: 1, words: "features is missing"),
    .init(
      testDescription: "protocol numbers that contradict",
      answers: [
        793: [
          .text(
            welcome().replacing(
              #"\"proto-ver-min\": 5"#, with: #"\"proto-ver-min\": 9223372036854775807"#))
        ]
      ], code: 1, words: "it speaks protocol 9223372036854775807 to 5"),
    .init(
      testDescription: "escape sequences in the greeting",
      answers: [
        793: [.text(welcome(motd: #"\u001b[2J\u202e\u009b31m"#).replacing(#"\\u"#, with: #"\\u"#))],
        798: [.close],
      ], code: 1, words: "closed"),
    .init(
      testDescription: "a PING that is never answered", answers: [793: [.text(welcome())]], code: 1,
      words: "no message 799 within"),
    .init(
      testDescription: "public lines without end instead of a PONG",
      answers: [
        793: [.text(welcome())],
        798: [.endless(Array(Frames.frame(687, "J5DRZSFDwhucsshM!PUBLIC!x").utf8))],
      ], code: 1, words: "message 799"),
    .init(
      testDescription: "a list without end",
      answers: [
        793: [.text(welcome())], 798: [.text(Frames.pong)],
        791: [.endless(Array(Frames.peerlist("J5DRZSFDwhucsshM;a:1").utf8))],
      ], code: 1, words: "it"),
    .init(
      testDescription: "a nick challenge that never comes", answers: [793: [.text(proving)]],
      code: 1,
      words: "no message 803 within"),
    .init(
      testDescription: "a challenge for another directory",
      answers: [793: [.text(proving + challenge("other.onion:5222"))]], code: 1,
      words: "a proof for \"other.onion:5222\""),
    .init(
      testDescription: "a proof that is refused",
      answers: [
        793: [.text(proving + challenge(Proving.directory))],
        805: [.text(Frames.frame(807, #"{"code":"policy","verified":false}"#))],
      ], code: 1, words: "refuses this peer by policy"),
    .init(
      testDescription: "a verdict of its own make",
      answers: [
        793: [.text(proving + challenge(Proving.directory))],
        805: [.text(Frames.frame(807, #"{"code":"\u001b[1m","verified":false}"#))],
      ], code: 1, words: "answers the proof with"),
  ]
}

extension ProductTests {
  @Suite("The probe and hostile answers")
  struct HostileProbeTests {
    @Test("It reports what it met, in bounded time", arguments: HostileDirectory.all)
    func hostile(_ directory: HostileDirectory) throws {
      let answers = directory.answers
      let server =
        if directory.greeting.isEmpty { try CannedServer(directory: answers) } else {
          try CannedServer(greeting: directory.greeting) { _ in [] }
        }
      for json in [[], ["--json"]] {
        let outcome = try Product.control.run(
          [
            "probe", Proving.directory, "--direct", "127.0.0.1:\(server.port)", "--network",
            "regtest", "--timeout", "2",
          ] + json, within: 60)
        #expect(outcome.status == directory.code, "\(outcome.out)")
        let words = json.isEmpty ? directory.words : directory.words.replacing("\"", with: "\\\"")
        #expect(outcome.out.contains(words), "\(outcome.out)")
        let isPlain = outcome.out.unicodeScalars.allSatisfy {
          $0 == "\n" || $0 == "…" || (" "..."~").contains($0)
        }
        #expect(isPlain, "\(outcome.out.debugDescription)")
      }
    }

    @Test(
      "A SOCKS port that refuses, and ports that are not SOCKS",
      arguments: [
        ([5, 0], [5, 4, 0, 1, 0, 0, 0, 0, 0, 0], 2, "cannot find this onion service"),
        ([5, 2], [1, 1], 4, "refuses the probe's SOCKS user name"),
        ([5, 0], [5, 5, 0, 3, 2, 97, 98, 0, 80], 2, "nothing listens behind it"),
        ([5, 0], [5, 0xf0, 0, 1, 0, 0, 0, 0, 0, 0], 2, "no descriptor"),
        ([5, 0], [5, 0xff, 0, 4] + [UInt8](repeating: 0, count: 18), 2, "SOCKS code 255"),
        ([5, 0], [5, 0, 0, 9], 4, "not SOCKS5"),
        ([5, 255], [], 4, "refuses"),
        (Array("HTTP/1.1 400 Bad Request".utf8), [], 4, "not a SOCKS5 port"),
        ([], [], 4, "no answer in time"),
      ] as [([UInt8], [UInt8], Int32, String)])
    func socks(_ greeting: [UInt8], _ answer: [UInt8], _ code: Int32, _ words: String) throws {
      let server = try CannedServer { bytes in
        [.send(bytes.starts(with: [5, 2, 0, 2]) ? greeting : answer)]
      }
      let outcome = try Product.control.run(
        ["probe", Proving.directory, "--socks", "127.0.0.1:\(server.port)", "--timeout", "2"],
        within: 60)
      #expect(outcome.status == code && outcome.out.contains(words), "\(outcome.out)")
    }

    @Test("Nothing at the SOCKS port")
    func noTor() throws {
      let free = try ListeningSocket(listens: false)
      let outcome = try Product.control.run(
        ["probe", Proving.directory, "--socks", "127.0.0.1:\(free.port)"])
      #expect(outcome.status == 4 && outcome.out.contains("is Tor running there?"))
      withExtendedLifetime(free) {}
    }
  }
}
