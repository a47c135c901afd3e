import Glibc
/// Connections over real sockets: everything sent arrives once and in order, and every end is
/// reported.
import TestSupport
import Testing

@testable import EventLoop
@testable import Units

@Suite("Connections", .serialized)
struct ConnectionTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  private func pair(buffer: Int32? = nil) -> (Recorder, TestSocket) {
    let (ours, theirs) = TestSocket.pair(buffer: buffer)
    let one = Recorder(on: loop, adopting: ours.take())
    one.startReading()
    return (one, theirs)
  }

  private func numbered(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
  }

  @Test("bytes that the socket takes arrive at once, without a turn of the loop")
  func direct() {
    let (one, socket) = pair()
    guard case .accepted(left: 0) = one.send(Array("hello".utf8)) else {
      Issue.record("not taken")
      return
    }
    #expect(socket.read() == Array("hello".utf8) && one.backlog == 0)
    loop.turn()
    #expect(one.drains == 0)
  }

  @Test("a line sent ahead follows the line that is being sent and precedes the others")
  func ahead() {
    let (one, socket) = pair(buffer: 4_608)
    // Without a backlog it is sent like any other line.
    #expect(one.sendAhead("now\r\n") == 0)
    let lines = (0..<20).map { "\($0) " + String(repeating: "x", count: 9_000) + "\r\n" }
    for line in lines { _ = one.send(Array(line.utf8)) }
    let backlog = one.backlog
    let overtaken = one.sendAhead("ahead\r\n")
    #expect(overtaken > 9_000 && overtaken < backlog && one.backlog == backlog + 7)
    #expect(one.handedCount == lines.reduce(12) { $0 + $1.utf8.count })
    let all = "now\r\n" + lines.joined() + "ahead\r\n"
    var received: [UInt8] = []
    #expect(
      loop.turns(until: {
        received += socket.read(1_500)
        return received.count == all.utf8.count
      }))
    let text = String(decoding: received, as: UTF8.self)
    #expect(text.split(separator: "\r\n").contains("ahead") && text.hasPrefix("now\r\n0 x"))
    #expect(text.utf8.dropFirst(all.utf8.count - 7 - overtaken).starts(with: "ahead".utf8))
    #expect(text.replacing("ahead\r\n", with: "") == all.replacing("ahead\r\n", with: ""))
  }

  @Test("leftovers follow in order as a slow reader takes them, and drained is called once")
  func leftovers() {
    let (one, socket) = pair(buffer: 4_608)
    let bytes = numbered(100_000)
    guard case .accepted(let left) = one.send(Array(bytes[..<60_000])) else {
      Issue.record("failed")
      return
    }
    #expect(left > 0 && one.backlog == left)
    guard case .accepted(40_000) = one.send(Array(bytes[60_000...])) else {
      Issue.record("not kept")
      return
    }
    var received: [UInt8] = []
    #expect(
      loop.turns(until: {
        received += socket.read(1_500)
        return received.count == bytes.count
      }))
    let isRight = received == bytes
    #expect(isRight)
    #expect(loop.turns(until: { one.drains == 1 }) && one.backlog == 0)
    // Later bytes are sent directly again.
    _ = one.send([7])
    #expect(socket.read() == [7])
  }

  @Test("pieces arrive as one stream, wherever the kernel cuts them", arguments: 1...8)
  func pieces(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let (one, socket) = pair(buffer: Int32(4_608 + random.below(40_000)))
    let bytes = numbered(200_000)
    var start = 0
    var received: [UInt8] = []
    while start < bytes.count {
      var ends = [start]
      for _ in 0..<1 + random.below(seed % 2 == 0 ? 3_000 : 20) {
        ends.append(min(bytes.count, (ends.last ?? 0) + random.below(4) * random.below(90)))
      }
      bytes.withView { all in
        var pieces = SendPieces()
        for (start, end) in zip(ends, ends.dropFirst()) {
          pieces.append(all.part(start..<end))
        }
        let before = one.backlog
        guard case .accepted(let left) = one.send(pieces) else {
          Issue.record("failed")
          return
        }
        #expect(one.backlog == before + left)
      }
      start = ends.last ?? bytes.count
      if random.below(3) == 0 { received += socket.read(random.below(30_000)) }
      if random.below(2) == 0 { loop.turn() }
    }
    #expect(
      loop.turns(until: {
        received += socket.read()
        return received.count >= bytes.count
      }))
    let isRight = received == bytes
    #expect(isRight)
  }

  @Test("discarded leftovers are freed and never sent")
  func discarded() {
    let (one, socket) = pair(buffer: 4_608)
    guard case .accepted(let left) = one.send(numbered(500_000)) else {
      Issue.record("failed")
      return
    }
    #expect(left > 0)
    one.discardOutput()
    #expect(one.backlog == 0)
    let received = socket.read()
    #expect(received.count == 500_000 - left)
    for _ in 0..<10 { loop.turn() }
    #expect(socket.read().isEmpty && one.drains == 0)
  }

  @Test("a connection may be closed inside received, and no callback follows")
  func closedInReceived() {
    let (one, socket) = pair()
    var calls = 0
    one.onReceived = { one in
      calls += 1
      one.withInput(whole: true) { bytes in
        one.close()
        return bytes.count
      }
    }
    socket.write("a")
    socket.write("b")
    #expect(loop.turns(until: { one.isClosed }))
    for _ in 0..<3 { loop.turn() }
    #expect(calls == 1 && one.end == nil && one.backlog == 0 && one.descriptor == -1)
    _ = socket.read()
    #expect(socket.isAtEnd)
    one.close()
  }

  @Test("a connection may be dropped inside received")
  func droppedInReceived() {
    let (ours, socket) = TestSocket.pair()
    var held: Recorder? = Recorder(on: loop, adopting: ours.take())
    weak let watched = held
    held?.onReceived = { _ in held = nil }
    held?.startReading()
    socket.write("x")
    #expect(loop.turns(until: { held == nil }))
    #expect(watched == nil)
    #expect(loop.turns(until: { socket.isAtEnd }))
  }

  @Test("a connection may be closed inside drained")
  func closedInDrained() {
    let (one, socket) = pair(buffer: 4_608)
    one.onDrained = { $0.close() }
    _ = one.send(numbered(50_000))
    var received: [UInt8] = []
    #expect(
      loop.turns(until: {
        received += socket.read()
        return one.isClosed
      }))
    received += socket.read()
    let isRight = received == numbered(50_000)
    #expect(isRight && socket.isAtEnd && one.drains == 1)
  }

  @Test("the end of the stream is reported after the last bytes, and closes")
  func endOfStream() {
    let (one, socket) = pair()
    socket.write(numbered(20_000))
    socket.close()
    #expect(loop.turns(until: { one.end != nil }))
    let isRight = one.bytes == numbered(20_000)
    #expect(one.end == .byPeer && one.isClosed && isRight)
  }

  @Test("a reset is distinguished from an end of stream")
  func reset() throws {
    var accepted: Recorder?
    let listener = try Listener(on: loop, address: .tcp(host: "127.0.0.1", port: 0)) {
      [loop] socket in
      accepted = Recorder(on: loop, adopting: socket)
      accepted?.startReading()
    }
    let socket = try #require(TestSocket.connected(to: listener.address))
    #expect(loop.turns(until: { accepted != nil }))
    socket.reset()
    #expect(loop.turns(until: { accepted?.end != nil }))
    #expect(accepted?.end == .failed(errno: ECONNRESET) && accepted?.isClosed == true)
  }

  @Test("sending to a closed peer fails and raises no signal")
  func gone() {
    let (one, socket) = pair()
    socket.close()
    guard case .failed(EPIPE) = one.send([1]) else {
      Issue.record("no EPIPE")
      return
    }
    // Empty pieces cause no write, so no error.
    var pieces = SendPieces()
    for _ in 1...2 { pieces.append(.none) }
    #expect(one.send(pieces) == .accepted(left: 0))
  }

  @Test("input that is not taken stays, and is returned in one piece on request")
  func input() {
    let (one, socket) = pair()
    one.onReceived = { _ in }
    let bytes = numbered(10_000)
    socket.write(bytes)
    #expect(loop.turns(until: { one.inputCount == 10_000 }))
    var seen = 0
    one.withInput(whole: false) {
      seen = $0.count
      return 100
    }
    #expect(seen <= 10_000 && one.inputCount == 9_900)
    one.withInput(whole: true) {
      let isRight = Array($0) == Array(bytes[100...])
      #expect(isRight)
      return 0
    }
    #expect(one.inputCount == 9_900)
    one.discardInput()
    #expect(one.inputCount == 0)
  }

  @Test("nothing is read before reading starts, nor while it is stopped")
  func stopped() {
    let (ours, socket) = TestSocket.pair()
    let one = Recorder(on: loop, adopting: ours.take())
    socket.write("a")
    for _ in 0..<5 { loop.turn() }
    #expect(one.bytes.isEmpty)
    one.startReading()
    #expect(loop.turns(until: { one.bytes == Array("a".utf8) }))
    one.stopReading()
    socket.write("b")
    for _ in 0..<5 { loop.turn() }
    #expect(one.bytes.count == 1)
    one.startReading()
    #expect(loop.turns(until: { one.bytes == Array("ab".utf8) }))
  }

  @Test("after a shutdown of writing the other side sees the end, and its bytes still arrive")
  func halfClosed() {
    let (one, socket) = pair()
    _ = one.send([1])
    one.shutdownWriting()
    #expect(socket.read() == [1] && socket.isAtEnd)
    socket.write("late")
    #expect(loop.turns(until: { one.bytes == Array("late".utf8) }))
  }
}
