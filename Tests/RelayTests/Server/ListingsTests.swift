/// Peerlists that are sent through small socket buffers while listed peers leave.
import Testing

@testable import EventLoop
@testable import Server
@testable import Settings
@testable import Wire

@Suite("Peerlists during sending", .serialized)
struct ListingsTests {
  private let loop: EventLoop
  private let node: DirectoryNode

  init() throws {
    loop = try EventLoop()
    var settings = Settings()
    settings.network = .regtest
    settings.fanoutRateLimit = 0
    settings.fanoutBytesLimit = .kibibytes(0)
    node = DirectoryNode(
      loop: loop, settings: settings, nick: try #require(Nick(DirectoryHarness.relayNick)))
  }

  /// Connects a peer, completes its handshake and returns its socket.
  private func join(
    _ number: Int, at location: String = "NOT-SERVING-ONION", _ features: [String] = [],
    buffer: Int32? = nil
  ) throws -> TestSocket {
    let (ours, theirs) = TestSocket.pair(buffer: buffer)
    node.accept(ours.take())
    theirs.write(
      DirectoryHarness.frame(
        793, DirectoryHarness.handshake(DirectoryHarness.nick(number), at: location, features))
        + "\r\n")
    let peers = node.directory.registry.peerCount
    try #require(loop.turns { node.directory.registry.peerCount == peers + 1 })
    return theirs
  }

  @Test("a peer that has sent much at once is read after the others, and completely")
  func readLater() throws {
    let flooders = try (0..<20).map { try join($0) }
    let other = try join(100)
    for socket in flooders + [other] { _ = socket.read() }
    let ping = DirectoryHarness.frame(798, "") + "\r\n"
    let pong = Array((DirectoryHarness.frame(799, "") + "\r\n").utf8)
    for flooder in flooders { flooder.write(String(repeating: ping, count: 200)) }
    other.write(ping)
    loop.turn()
    #expect(other.read() == pong)
    #expect(flooders.allSatisfy { $0.read().isEmpty })
    var count = 0
    let areAllRead = loop.turns {
      for flooder in flooders { count += flooder.read().count }
      return count == 20 * 200 * pong.count
    }
    #expect(areAllRead)
  }

  @Test("new connections share a part of a turn, and lines that they send before they leave count")
  func newConnections() throws {
    let reader = try join(1_000)
    let other = try join(1_001)
    for socket in [reader, other] { _ = socket.read() }
    let sockets = (0..<200).map { number in
      let (ours, theirs) = TestSocket.pair()
      node.accept(ours.take())
      let nick = DirectoryHarness.nick(number)
      theirs.write(
        DirectoryHarness.frame(793, DirectoryHarness.handshake(nick)) + "\r\n"
          + DirectoryHarness.frame(687, "\(nick)!PUBLIC!hello") + "\r\n")
      return theirs
    }
    other.write(DirectoryHarness.frame(798, "") + "\r\n")
    loop.turn()
    let answer = DirectoryHarness.lines(other.read()[...])
    #expect(answer.contains { $0.contains("799") })
    #expect(node.deferred.hasFresh && node.directory.registry.peerCount < 202)
    for socket in sockets.prefix(100) { socket.close() }
    var received = 0
    let areAllReceived = loop.turns {
      received += DirectoryHarness.lines(reader.read()[...]).count { $0.contains("!hello") }
      return received == 200
    }
    #expect(areAllReceived && received == 200)
  }

  @Test("a deferred connection that is refused and has left does not linger")
  func refusedAndGone() throws {
    let sockets = (0..<200).map { number in
      let (ours, theirs) = TestSocket.pair()
      node.accept(ours.take())
      let request = DirectoryHarness.handshake(DirectoryHarness.nick(number), app: "other")
      theirs.write(DirectoryHarness.frame(793, request) + "\r\n")
      return theirs
    }
    loop.turn()
    #expect(node.deferred.hasFresh)
    for socket in sockets { socket.shutdownWriting() }
    let areAllClosed = loop.turns(
      until: { node.connectionCount == 0 }, within: DirectoryNode.lingerTime * 0.8)
    #expect(areAllClosed)
    #expect(sockets.allSatisfy { String(decoding: $0.read(), as: UTF8.self).contains("Rejected") })
  }

  @Test(
    "name each remaining peer once, name no peer after its D entry, share bytes, and free them"
  )
  func peersLeaveMeanwhile() throws {
    let makers = try (0..<1_100).map { try join($0, at: "a.test:\($0 + 1)", ["ping"]) }
    let readers = [
      try join(2_000, buffer: 4_608), try join(2_001, ["peerlist_features"], buffer: 4_608),
      try join(2_002, at: "b.test:1", ["peerlist_features"], buffer: 4_608),
      try join(2_003, at: "b.test:2", buffer: 4_608),
    ]
    for reader in readers { reader.write(DirectoryHarness.frame(791, "") + "\r\n") }
    try #require(
      loop.turns { node.peerlists.count == readers.count && node.backlogs.count == readers.count })
    // The cache holds the first page without features and the first one with features.
    let page = node.directory.registry.peerlistCache.size
    #expect(page > 2 * 512 * "J5nickaaaaaaaaaa;a.test:1,".utf8.count)
    #expect(page < 3 * 512 * "J5nickaaaaaaaaaa;a.test:1000;F:ping,".utf8.count)

    let gone = Set(stride(from: 0, to: makers.count, by: 10))
    for number in gone { makers[number].close() }
    try #require(loop.turns { node.directory.registry.peerCount == 1_104 - gone.count })
    #expect(node.peerlists.count == readers.count)

    var received = readers.map { _ in [UInt8]() }
    #expect(
      loop.turns {
        for (place, reader) in readers.enumerated() { received[place] += reader.read(1_000) }
        return node.peerlists.isEmpty && node.backlogs.count == 0
      })
    for (place, reader) in readers.enumerated() {
      let lines = DirectoryHarness.lines((received[place] + reader.read())[...])
      try verify(lines.dropFirst(), of: DirectoryHarness.nick(2_000 + place), gone: gone)
    }
    #expect(loop.turns { node.directory.registry.peerlistCache.size == 0 })
    withExtendedLifetime(makers) {}
  }

  private func verify(_ lines: ArraySlice<String>, of reader: String, gone: Set<Int>) throws {
    var listed: Set<Substring> = []
    var departed: Set<Substring> = []
    for line in lines {
      try #require(line.hasPrefix(#"{"type": 789, "line": ""#))
      for entry in line.dropFirst(23).dropLast(2).split(separator: ",") {
        let fields = entry.split(separator: ";")
        if fields.last == "D" {
          departed.insert(fields[0])
        } else {
          #expect(!departed.contains(fields[0]), "\(entry) is gone")
          #expect(listed.insert(fields[0]).inserted, "\(entry) is doubled")
        }
      }
    }
    let left = Set(gone.map { Substring(DirectoryHarness.nick($0)) })
    #expect(departed.symmetricDifference(left).sorted() == [])
    #expect(!listed.contains(Substring(reader)))
    let stayed = (0..<1_100).filter { !gone.contains($0) }.map {
      Substring(DirectoryHarness.nick($0))
    }
    #expect(listed.isSuperset(of: stayed))
    #expect(listed.subtracting(stayed).subtracting(departed).count <= 2)
  }
}
