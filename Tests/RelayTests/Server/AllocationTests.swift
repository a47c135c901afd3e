import CAllocations
import Testing

@testable import Directory
@testable import EventLoop
@testable import Identity
@testable import Server
@testable import Settings
@testable import Wire

#if canImport(Glibc)
  import Glibc
#endif

/// Counts the calls of malloc for a frame in the node: reading, checking, routing and the write at
/// the end of the turn.
@Suite("Allocations", .enabled(if: allocations_of_this_thread() >= 0))
struct AllocationTests {
  #if DEBUG
    /// Unoptimised code allocates for about fifteen values a frame. The promise is for release
    /// builds (`make test-release`); this bound finds only large regressions.
    static let perFrame = 18
  #else
    static let perFrame = 0
  #endif

  @Test(
    "a canonical public or private line is forwarded without an allocation",
    arguments: [true, false])
  func passingOn(isPublic: Bool) throws {
    let loop = try EventLoop()
    var settings = Settings()
    settings.network = .regtest
    settings.messageRateLimit = 0
    settings.publicRateLimit = 0
    // A loop that comes late, on a busy machine, would narrow the budget: lines would wait.
    settings.fanoutRateLimit = 0
    settings.fanoutBytesLimit = .kibibytes(0)
    let node = DirectoryNode(loop: loop, settings: settings, nick: RelayIdentity.generate())
    let peers = try (0..<8).map { try Peer(of: node, number: $0) }
    turn(of: loop)
    for peer in peers { peer.drain() }

    let line = peers[0].line(to: isPublic ? "PUBLIC" : peers[1].nick)
    let (few, many) = (2, 32)
    // Each count fits one read, for which libevent allocates. So the difference is that of the
    // frames.
    try #require(many * line.count <= Connection.readSize)
    // The first rounds grow both buffers of the outbox, which stay allocated.
    for count in [many, many, few] { _ = try allocations(of: count, line, peers, loop) }
    let before = try allocations(of: few, line, peers, loop)
    let after = try allocations(of: many, line, peers, loop)
    #expect(
      after - before <= (many - few) * Self.perFrame,
      "\(few) frames: \(before), \(many) frames: \(after)")
  }

  private func allocations(
    of count: Int, _ line: [UInt8], _ peers: [Peer], _ loop: EventLoop
  ) throws -> Int {
    peers[0].send(Array(repeatElement(line, count: count).joined()))
    let before = allocations_of_this_thread()
    turn(of: loop)
    let after = allocations_of_this_thread()
    #expect(peers[1].drain() >= count * line.count)
    for peer in peers { peer.drain() }
    return after - before
  }

  /// Runs one turn: handles what is ready now, and what becomes ready because of it.
  private func turn(of loop: EventLoop) {
    loop.stop()
    loop.run()
  }

  /// The far end of a connection to the node.
  private struct Peer {
    let nick: String
    private let descriptor: Int32

    init(of node: DirectoryNode, number: Int) throws {
      nick = "J5ABCDEFGHJKMNP" + String(number + 1)
      var pair: [Int32] = [0, 0]
      try #require(
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0, &pair) == 0)
      descriptor = pair[0]
      node.accept(Descriptor(adopting: pair[1]))
      var hello: [UInt8] = []
      Frame.append(
        .handshake,
        """
        {"app-name": "joinmarket", "directory": false, "location-string": "NOT-SERVING-ONION", \
        "proto-ver": 5, "features": {"ping": true}, "nick": "\(nick)", "network": "regtest"}
        """, to: &hello)
      send(hello)
    }

    func line(to receiver: String) -> [UInt8] {
      var frame: [UInt8] = []
      let type: MessageType = receiver == "PUBLIC" ? .pubmsg : .privmsg
      Frame.append(type, "\(nick)!\(receiver)!text of some length, as offers have it", to: &frame)
      return frame
    }

    func send(_ bytes: [UInt8]) { _ = write(descriptor, bytes, bytes.count) }

    @discardableResult
    func drain() -> Int {
      var room = [UInt8](repeating: 0, count: 65_536)
      var total = 0
      while case let count = read(descriptor, &room, room.count), count > 0 { total += count }
      return total
    }
  }
}
