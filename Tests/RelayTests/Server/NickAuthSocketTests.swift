/// The recorded proofs over a socket. The node sends the recorded nonce, the peer answers with the
/// recorded bytes, and every byte of the node's answers is compared.
import Foundation
import Testing
import Units

@testable import Directory
@testable import EventLoop
@testable import Identity
@testable import Server
@testable import Settings
@testable import Wire

@Suite("Nick authentication over a socket")
struct NickAuthSocketTests {
  struct Recording: Decodable {
    let valid, invalid: [Proof]
  }

  struct Proof: Decodable {
    let id, name, nick, challenge, directoryId, handshakeLine, wireB64, expected: String
  }

  static func recorded() throws -> [Proof] {
    let url = try #require(Bundle.module.url(forResource: "Data/nick-auth", withExtension: "json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let recording = try decoder.decode(Recording.self, from: Data(contentsOf: url))
    return recording.valid + recording.invalid
  }

  /// A node with one connection; the test has its other end.
  struct Meeting {
    let loop: EventLoop
    let node: DirectoryNode
    let socket: TestSocket
    let id: PeerID

    init(_ proof: Proof) throws {
      loop = try EventLoop()
      var settings = Settings()
      settings.network = .mainnet
      node = DirectoryNode(
        loop: loop, settings: settings, nick: try #require(Nick(DirectoryHarness.relayNick)))
      let challenge = try #require(bytes(hex: proof.challenge))
      node.directory.proofs.newNonce = { challenge }
      node.directory.policy = NickPolicy(
        directoryID: try #require(DirectoryID(proof.directoryId)))
      let (ours, theirs) = TestSocket.pair()
      socket = theirs
      node.accept(ours.take())
      id = try #require(Array(node.sessions.all).last?.id)
    }

    /// Returns the next `count` lines, or fewer if the connection ends or five seconds pass.
    func lines(_ count: Int) -> [String] {
      var received: [UInt8] = []
      _ = loop.turns {
        received += socket.read()
        return received.lazy.filter { $0 == 10 }.count >= count || socket.isAtEnd
      }
      return String(decoding: received, as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    /// Sends the peer's 793.
    func shakeHands(_ line: String) {
      var frame: [UInt8] = []
      Frame.append(.handshake, line, to: &frame)
      socket.write(frame)
    }

    /// Requests a proof without a handshake, for recordings whose handshake a relay rejects.
    func pretendHandshake(_ nick: Nick, _ line: String) throws {
      let offer = HandshakeRequest(
        nick: nick, location: .notServing, locationWasUnusable: false,
        features: Features([.nickAuth]), advertisedNoFeature: false,
        lineDigest: Digest.sha256(Array(line.utf8)))
      let policy = try #require(node.directory.policy)
      node.directory.requestProof(of: id, offer, policy, into: &node.actions)
      node.perform()
    }
  }

  @Test("While a proof waits for its turn, the node buffers at most the longest line and a read")
  func postponed() throws {
    let (meeting, session, _) = try waiting()
    let flood = [UInt8](repeating: 120, count: 4_096)
    var turns = 0
    _ = meeting.loop.turns {
      meeting.socket.write(flood)
      turns += 1
      return turns > 200
    }
    #expect(session.inputCount > meeting.node.lineLimit)
    #expect(session.inputCount <= meeting.node.lineLimit + Connection.readSize)
    // When its turn comes, the node rejects it like any line that is too long for a proof.
    meeting.node.deferred.postpone(meeting.id)
    meeting.node.readPostponed()
    let verdict = meeting.lines(1)
    #expect(verdict.first?.contains(#"\"code\":\"malformed\""#) == true, "\(verdict)")
  }

  @Test("All frames after a proof that had to wait are answered")
  func behindPostponed() throws {
    let (meeting, session, proof) = try waiting()
    meeting.node.directory.limits.messages = .unlimited
    // More than the node reads in one turn.
    let pings = 12_000
    var rest = Array(try #require(Data(base64Encoded: proof.wireB64))) + Array("\r\n".utf8)
    for _ in 0..<pings { Frame.append(.ping, "", to: &rest) }
    #expect(
      meeting.loop.turns {
        rest.removeFirst(max(0, meeting.socket.write(rest)))
        return session.inputCount > meeting.node.lineLimit
      })
    meeting.node.deferred.postpone(meeting.id)
    meeting.node.readPostponed()
    var received: [UInt8] = []
    let isAnswered = meeting.loop.turns {
      if !rest.isEmpty { rest.removeFirst(max(0, meeting.socket.write(rest))) }
      let more = meeting.socket.read()
      received += more
      return rest.isEmpty && more.isEmpty && received.count { $0 == 10 } > pings
    }
    #expect(isAnswered)
    #expect(String(decoding: received.prefix(100), as: UTF8.self).contains(#"\"code\":\"ok\""#))
  }

  /// Returns a pending connection whose proof waits for its turn.
  private func waiting() throws -> (Meeting, Session, Proof) {
    let proof = try #require(try Self.recorded().first { $0.id == "V02" })
    let meeting = try Meeting(proof)
    meeting.shakeHands(proof.handshakeLine)
    #expect(meeting.lines(2).count == 2)
    let session = try #require(meeting.node.sessions[meeting.id])
    session.move(to: .proofPostponed)
    return (meeting, session, proof)
  }

  @Test("Every recorded proof is answered with the reference's code, to the byte")
  func recordedProofs() throws {
    let all = try Self.recorded()
    #expect(all.count == 109)
    var pretended = 0
    var met: [String: Int] = [:]
    for proof in all {
      let meeting = try Meeting(proof)
      let offer = try? proof.handshakeLine.withBytes {
        try HandshakeRequest.parse(line: $0, network: .mainnet)
      }
      if offer?.nick.description == proof.nick {
        meeting.shakeHands(proof.handshakeLine)
      } else if let nick = Nick(proof.nick) {
        pretended += 1
        try meeting.pretendHandshake(nick, proof.handshakeLine)
      } else {
        // A relay rejects this nick in the handshake, before a proof.
        pretended += 1
        meeting.shakeHands(#"{"app-name":"joinmarket","proto-ver":5,"nick":"\#(proof.nick)"}"#)
        #expect(meeting.lines(2).allSatisfy { $0.contains("Rejected: ") }, "\(proof.id)")
        continue
      }
      try expectVerdict(proof, in: meeting)
      met[proof.expected, default: 0] += 1
    }
    // Only these recordings have no handshake that the relay accepts for their nick.
    #expect(pretended == 5)
    #expect(met.keys.sorted() == ["invalid", "malformed", "ok"])
  }

  private func expectVerdict(_ proof: Proof, in meeting: Meeting) throws {
    let asked = meeting.lines(2)
    #expect(asked.count == 2 && asked[0].hasPrefix(#"{"type": 795, "#), "\(proof.id)")
    #expect(
      asked.last == #"{"type": 803, "line": "{\"challenge\":\""# + proof.challenge
        + #"\",\"directory-id\":\""# + proof.directoryId + #"\"}"}"#, "\(proof.id)")
    let wire = try #require(Data(base64Encoded: proof.wireB64))
    meeting.socket.write([UInt8](wire) + Array("\r\n".utf8))
    let isOK = proof.expected == "ok"
    #expect(
      meeting.lines(1) == [
        #"{"type": 807, "line": "{\"code\":\""# + proof.expected + #"\",\"verified\":\#(isOK)}"}"#
      ], "\(proof.id) \(proof.name)")
    if isOK {
      #expect(meeting.node.directory.registry.holder(of: try #require(Nick(proof.nick))) != nil)
      meeting.socket.write("{\"type\": 798, \"line\": \"\"}\r\n")
      #expect(meeting.lines(1) == [#"{"type": 799, "line": ""}"#], "\(proof.id)")
    } else {
      #expect(meeting.loop.turns { meeting.socket.isAtEnd }, "\(proof.id)")
      #expect(meeting.node.directory.registry.connectionCount == 0, "\(proof.id)")
      #expect(meeting.node.directory.proofs.count == 0, "\(proof.id)")
    }
  }
}

private func bytes(hex: String) -> Bytes32? {
  let digits = Array(hex.utf8).compactMap(\.hexValue)
  return Bytes32(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
}

extension String {
  /// Calls `body` with the bytes of this string.
  fileprivate func withBytes<T>(
    _ body: (ByteView) throws -> T
  ) rethrows -> T {
    try Array(utf8).withView(body)
  }
}
