/// A node on real sockets that can be restarted: its state goes through the bytes of an image, its
/// sockets through `dup(2)`.
import Glibc
import Testing

@testable import Directory
@testable import EventLoop
@testable import Server
@testable import Settings
@testable import StateImage
@testable import Units
@testable import Wire

final class RestartHarness {
  static let directoryID = "relay.test:5222"

  let loop: EventLoop
  var settings: Settings
  private(set) var node: DirectoryNode
  private let origin = ImageOrigin(bootID: Array(1...16), network: .regtest)
  private let provesNicks: Bool

  init(provesNicks: Bool = false, _ change: (inout Settings) -> Void = { _ in }) throws {
    loop = try EventLoop()
    settings = Settings()
    settings.network = .regtest
    settings.motd = "hello"
    settings.motdVersion = false
    change(&settings)
    self.provesNicks = provesNicks
    node = DirectoryNode(
      loop: loop, settings: settings, nick: try #require(Nick(DirectoryHarness.relayNick)))
    setPolicy(Self.directoryID)
  }

  private func setPolicy(_ directoryID: String) {
    guard provesNicks else { return }
    node.directory.policy = DirectoryID(directoryID).map(NickPolicy.init)
  }

  func connect(buffer: Int32? = nil) -> RestartPeer {
    let (ours, theirs) = TestSocket.pair(buffer: buffer)
    node.accept(ours.take())
    return RestartPeer(theirs, self)
  }

  /// Connects and completes the handshake.
  func join(
    _ number: Int, at location: String = "NOT-SERVING-ONION", _ features: [String] = ["ping"],
    buffer: Int32? = nil
  ) throws -> RestartPeer {
    let peer = connect(buffer: buffer)
    peer.nick = DirectoryHarness.nick(number)
    peer.send(793, DirectoryHarness.handshake(peer.nick, at: location, features))
    let reply = try #require(peer.next())
    try #require(reply.contains(#"accepted\": true"#))
    return peer
  }

  func session(of peer: RestartPeer) -> Session? {
    guard let nick = Nick(peer.nick), let id = node.directory.registry.holder(of: nick) else {
      return nil
    }
    return node.sessions[id]
  }

  /// Ends the node and starts another one from its image and descriptors.
  /// - Parameters:
  ///   - losing: the peer whose descriptor is lost.
  ///   - change: changes the image before the start.
  @discardableResult
  func restart(
    losing lost: RestartPeer? = nil, directoryID: String = RestartHarness.directoryID,
    _ change: (inout StateImage) -> Void = { _ in }
  ) throws -> DirectoryNode.Restored {
    let lostDescriptor = lost.flatMap { session(of: $0)?.descriptor }
    var (image, descriptors) = node.handOver(status: nil)
    change(&image)
    let bytes = image.encoded(from: origin)
    var sockets: [UInt64: HeldDescriptor] = [:]
    for lent in descriptors where lent.number != lostDescriptor {
      let copy = Descriptor(adopting: fcntl(lent.number, F_DUPFD_CLOEXEC, 0))
      sockets[try #require(SocketCalls.cookie(of: copy.number))] = HeldDescriptor(copy)
    }
    let decoded = try StateImage(bytes, at: origin)
    #expect(decoded == image)
    node = DirectoryNode(
      loop: loop, settings: settings,
      nick: try #require(decoded.directory.nick.withView { Nick($0) }))
    setPolicy(directoryID)
    return node.restore(decoded, sockets: sockets)
  }
}

/// The peer's end of one connection.
final class RestartPeer {
  let socket: TestSocket
  var nick = ""
  private unowned let harness: RestartHarness
  private var received: [UInt8] = []

  init(_ socket: TestSocket, _ harness: RestartHarness) {
    self.socket = socket
    self.harness = harness
  }

  func send(_ code: Int, _ line: String) { send(DirectoryHarness.frame(code, line) + "\r\n") }

  /// Sends, and returns when the node has read it.
  func send(_ text: String) {
    socket.write(text)
    var count: Int32 = 0
    let isRead = harness.loop.turns {
      _ = ioctl(socket.descriptor, UInt(TIOCOUTQ), &count)
      return count == 0
    }
    #expect(isRead)
  }

  func sendPublic(_ text: String) { send(687, "\(nick)!PUBLIC!\(text)") }

  /// Returns the next line without its CR LF; nil when none arrives in five seconds.
  func next() -> String? {
    var end: Int?
    _ = harness.loop.turns {
      end = received.firstIndex(of: 10)
      if end == nil {
        received += socket.read(65_536)
        end = received.firstIndex(of: 10)
      }
      return end != nil || socket.isAtEnd
    }
    guard let end, end > 0, received[end - 1] == 13 else { return nil }
    defer { received.removeFirst(end + 1) }
    return String(decoding: received[..<(end - 1)], as: UTF8.self)
  }

  /// Checks that no other line has arrived and that the connection is open.
  func expectQuiet(_ place: SourceLocation = #_sourceLocation) {
    send(798, "")
    #expect(next() == DirectoryHarness.pong, sourceLocation: place)
  }

  func expect(_ line: String, _ place: SourceLocation = #_sourceLocation) {
    #expect(next() == line, sourceLocation: place)
  }

  func expectPublic(
    _ text: String, from sender: RestartPeer, _ place: SourceLocation = #_sourceLocation
  ) {
    expect(DirectoryHarness.frame(687, "\(sender.nick)!PUBLIC!\(text)"), place)
  }

  func expectClosed(_ place: SourceLocation = #_sourceLocation) {
    #expect(harness.loop.turns { socket.isAtEnd }, sourceLocation: place)
    #expect(received.isEmpty, sourceLocation: place)
  }
}
