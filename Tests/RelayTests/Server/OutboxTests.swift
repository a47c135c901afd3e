import Glibc
/// Every frame of a turn reaches its receivers, in order and whole, however slow the sockets are.
import TestSupport
import Testing
import Units

@testable import Directory
@testable import EventLoop
@testable import Server
@testable import Settings
@testable import Wire

/// Sessions over socket pairs. Of the node they use only the loop.
struct SessionBench {
  let loop: EventLoop
  let node: DirectoryNode

  init() throws {
    loop = try EventLoop()
    node = DirectoryNode(
      loop: loop, settings: Settings(), nick: try #require(Nick(DirectoryHarness.relayNick)))
  }

  func session(_ number: Int, buffer: Int32? = nil) -> (Session, TestSocket) {
    let (ours, theirs) = TestSocket.pair(buffer: buffer)
    let session = Session(
      on: loop, adopting: ours.take(), id: PeerID(slot: Int32(number), generation: 0), node: node,
      expectsProxyLine: false)
    return (session, theirs)
  }
}

@Suite("The outbox", .serialized)
struct OutboxTests {
  final class Receiver {
    let session: Session
    let socket: TestSocket
    let readsLongFrames: Bool
    var isSubscribed = false
    var isGone = false
    /// Whether it was closed with unread bytes.
    var isCut = false
    var expected: [UInt8] = []
    var received: [UInt8] = []

    init(_ session: Session, _ socket: TestSocket, readsLongFrames: Bool) {
      self.session = session
      self.socket = socket
      self.readsLongFrames = readsLongFrames
      session.takesLongFrames = readsLongFrames
    }

    func read(_ limit: Int = 1 << 20) { received += socket.read(limit) }
  }

  let bench: SessionBench
  let outbox = Outbox(portion: 3)

  init() throws { bench = try SessionBench() }

  private func receivers(_ count: Int, buffer: Int32? = nil) -> [Receiver] {
    (0..<count).map {
      let (session, socket) = bench.session($0, buffer: buffer)
      return Receiver(session, socket, readsLongFrames: $0 % 3 != 0)
    }
  }

  private func withFrame(_ bytes: [UInt8], _ body: (Frame) -> Void) {
    bytes.withView { body(Frame(code: 687, body: $0, line: $0)) }
  }

  @Test("random turns arrive whole and in order at every receiver", arguments: 1...12)
  func anything(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let all = receivers(7, buffer: 4_608)
    var name = 0
    for _ in 0..<2_500 {
      let one = all[random.below(all.count)]
      name += 1
      let size = random.below(60) == 0 ? 39_950 + random.below(200) : random.below(900)
      let text = Array("<\(name)>".utf8) + [UInt8](repeating: UInt8(97 + name % 26), count: size)
      switch random.below(12) {
      case 0, 1, 2:
        let sender = random.below(3) == 0 ? nil : one
        withFrame(text) { outbox.broadcast($0, except: sender?.session) }
        for other in all where other.isSubscribed && other !== sender {
          if text.count <= 40_000 || other.readsLongFrames { other.expected += text + [13, 10] }
        }
      case 3:
        let line = text + [13, 10]
        line.withView {
          outbox.broadcast($0, type: .peerlist, except: one.session)
        }
        for other in all where other.isSubscribed && other !== one {
          if text.count <= 40_000 || other.readsLongFrames { other.expected += line }
        }
      case 4 where !one.isGone:
        withFrame(text) { outbox.send($0, to: one.session) }
        one.expected += text + [13, 10]
      case 5 where !one.isGone:
        text.withView { outbox.send($0, type: .peerlist, to: one.session) }
        one.expected += text
      case 6 where !one.isSubscribed && !one.isGone:
        outbox.subscribe(one.session)
        one.isSubscribed = true
      case 7 where one.isSubscribed && random.below(3) == 0:
        outbox.flush(one.session) { _, _ in }
        outbox.unsubscribe(one.session)
        one.isSubscribed = false
      case 8 where !one.isGone && random.below(60) == 0:
        outbox.flush(one.session) { _, _ in }
        outbox.unsubscribe(one.session)
        one.isCut = one.session.backlog > 0
        one.session.move(to: .closed(.peerClosed))
        one.session.close()
        (one.isSubscribed, one.isGone) = (false, true)
      case 9: one.read(random.below(9_000))
      case 11 where random.below(2) == 0: outbox.sendMore { _, _ in }
      case 10: bench.loop.turn()
      default: flush()
      }
    }
    flush()
    while outbox.isSending { outbox.sendMore { _, _ in } }
    let isDone = bench.loop.turns(until: {
      for one in all { one.read() }
      return all.allSatisfy { $0.session.backlog == 0 }
    })
    #expect(isDone && outbox.isEmpty)
    for one in all {
      one.read()
      // Compared outside #expect, which would print the difference of two long lists.
      let isRight =
        one.isCut ? one.expected.starts(with: one.received) : one.received == one.expected
      #expect(isRight)
    }
  }

  /// Flushes the outbox, and checks that reported leftovers are in the session's backlog.
  private func flush() {
    outbox.flush { session, delivery in
      guard case .accepted(let count) = delivery else {
        Issue.record("a socket failed")
        return
      }
      #expect(session.backlog >= count && count > 0)
    }
  }

  @Test(
    "a session that subscribes in mid-turn gets what follows; one that unsubscribes, the rest"
  )
  func seating() {
    let all = receivers(2)
    outbox.subscribe(all[0].session)
    withFrame(Array("a".utf8)) { outbox.broadcast($0, except: nil) }
    outbox.subscribe(all[1].session)
    withFrame(Array("b".utf8)) { outbox.broadcast($0, except: nil) }
    outbox.unsubscribe(all[0].session)
    withFrame(Array("c".utf8)) { outbox.broadcast($0, except: nil) }
    outbox.flush { _, _ in }
    #expect(all[0].socket.read() == Array("a\r\nb\r\n".utf8))
    #expect(all[1].socket.read() == Array("b\r\nc\r\n".utf8))
    #expect(outbox.subscribers.count == 1 && outbox.deliveries == 4)
  }

  @Test("broadcasts go out in portions, before frames that a subscriber gets of its own meanwhile")
  func portions() {
    let all = receivers(8)
    func send(_ text: String, to one: Receiver? = nil) {
      Array(text.utf8).withView { bytes in
        guard let one else { return outbox.broadcast(bytes, type: .peerlist, except: nil) }
        outbox.send(bytes, type: .peerlist, to: one.session)
      }
    }
    func received() -> [String] { all.map { String(decoding: $0.socket.read(), as: UTF8.self) } }
    for one in all.dropLast() { outbox.subscribe(one.session) }
    outbox.flush { _, _ in }
    send("a")
    outbox.flush { _, _ in }
    #expect(outbox.isSending && received().filter { $0 == "a" }.count == 3)
    // A session that subscribes now does not get "a". A session that is flushed and unsubscribes
    // has got it.
    outbox.subscribe(all[7].session)
    send("b", to: all[5])
    send("b", to: all[0])
    outbox.flush { _, _ in }
    #expect(received() == ["b", "", "", "", "", "ab", "", ""])
    outbox.flush(all[6].session) { _, _ in }
    outbox.unsubscribe(all[6].session)
    outbox.unsubscribe(all[1].session)
    outbox.sendMore { _, _ in }
    #expect(!outbox.isSending && received() == ["", "", "", "a", "a", "", "a", ""])
    // A second broadcast may follow while the first is being sent in portions.
    send("c")
    outbox.flush { _, _ in }
    send("d")
    outbox.flush { _, _ in }
    while outbox.isSending { outbox.sendMore { _, _ in } }
    #expect(received() == ["cd", "", "cd", "cd", "cd", "cd", "", "cd"])
  }

  @Test("a session that is about to be closed gets no more frames")
  func pendingCloses() {
    let all = receivers(2)
    for one in all { outbox.subscribe(one.session) }
    outbox.flush { _, _ in }
    all[0].session.move(to: .closing(.slowReader))
    Array("x".utf8).withView {
      outbox.broadcast($0, type: .peerlist, except: nil)
      outbox.send($0, type: .peerlist, to: all[0].session)
    }
    outbox.flush { _, _ in }
    #expect(all[0].socket.read().isEmpty && all[1].socket.read() == Array("x".utf8))
  }

  @Test("a socket whose other side is closed is reported, and the others are served")
  func failure() {
    let all = receivers(3)
    for one in all { outbox.subscribe(one.session) }
    outbox.flush { _, _ in }
    all[1].socket.close()
    Array("x".utf8).withView { outbox.broadcast($0, type: .peerlist, except: nil) }
    var failed: [PeerID] = []
    outbox.flush { session, delivery in
      if case .failed(EPIPE) = delivery { failed.append(session.id) }
    }
    #expect(failed == [all[1].session.id])
    #expect(all[0].socket.read() == Array("x".utf8) && all[2].socket.read() == Array("x".utf8))
  }

  @Test(
    "2,000 private lines in one turn between broadcasts are sent in order past the limit of writev")
  func manyPieces() {
    let all = receivers(2, buffer: 4_608)
    for one in all { outbox.subscribe(one.session) }
    var expected: [UInt8] = []
    for n in 0..<2_000 {
      let own = Array("own \(n)\r\n".utf8)
      let shared = Array("all \(n)\r\n".utf8)
      own.withView { outbox.send($0, type: .privmsg, to: all[0].session) }
      shared.withView { outbox.broadcast($0, type: .pubmsg, except: nil) }
      expected += own + shared
    }
    outbox.flush { _, _ in }
    let isDone = bench.loop.turns(until: {
      all[0].read(3_000)
      return all[0].received.count >= expected.count
    })
    let isRight = all[0].received == expected
    #expect(isDone && isRight)
  }
}
