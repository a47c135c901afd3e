/// Every socket is closed, once. Counted in a process of its own: elsewhere other tests open and
/// close some meanwhile.
import Glibc
import Testing

@testable import EventLoop
@testable import Units

@Suite("Descriptors")
struct DescriptorTests {
  /// Numbers of all sockets of this process. Its files and pipes are not only ours: the testing
  /// library has some for a while.
  private static var open: Set<Int32> {
    Set(
      (0..<1_024).filter {
        var status = stat()
        return fstat($0, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
      })
  }

  private static func socketNumber() -> Int32 {
    socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  @Test("an owner closes its descriptor at its end, unless it has given it away")
  func owner() async {
    await #expect(processExitsWith: .success) {
      let before = Self.open
      let number = Self.socketNumber()
      func drop() { _ = Descriptor(adopting: number) }
      drop()
      #expect(Self.open == before)
      let kept = Descriptor(adopting: Self.socketNumber()).release()
      #expect(Self.open == before.union([kept]))
      let held = HeldDescriptor(Descriptor(adopting: kept))
      #expect(held.number == kept)
      func take() { _ = held.take() }
      take()
      #expect(Self.open == before)
      _ = HeldDescriptor(Descriptor(adopting: Self.socketNumber()))
      #expect(Self.open == before)
    }
  }

  @Test("a descriptor that was taken is not taken again")
  func takenTwice() async {
    await #expect(processExitsWith: .failure) {
      let held = HeldDescriptor(Descriptor(adopting: Self.socketNumber()))
      func take() { _ = held.take() }
      take()
      take()
    }
  }

  @Test(
    "listeners, connections and attempts to have them leave no descriptor, and close none twice")
  func sockets() async {
    await #expect(processExitsWith: .success) {
      let file = TemporaryPath()
      let path = file.path
      let nowhere = file.directory + "/none/s"
      func once() throws {
        let loop = try EventLoop()
        for address in [SocketAddress.tcp(host: "127.0.0.1", port: 0), .unix(path: path)] {
          var accepted: [Recorder] = []
          let listener = try Listener(on: loop, address: address) { socket in
            if accepted.isEmpty {
              accepted.append(Recorder(on: loop, adopting: socket))
            } else {
              socket.sendAndClose(Array("full".utf8))
            }
          }
          #expect(throws: SocketError.self) {
            try Listener(on: loop, address: listener.address) { _ in }
          }
          let first = Recorder(on: loop, adopting: try .connecting(to: listener.address))
          first.startReading()
          #expect(loop.turns(until: { accepted.count == 1 }))
          let second = Recorder(on: loop, adopting: try .connecting(to: listener.address))
          second.startReading()
          #expect(loop.turns(until: { second.end == .byPeer }))
          #expect(second.bytes == Array("full".utf8))
          // By its owner, by its other side, and by being dropped.
          first.close()
          first.close()
          accepted[0].startReading()
          #expect(loop.turns(until: { accepted[0].isClosed }))
        }
        #expect(throws: SocketError.self) {
          try Listener(on: loop, address: .unix(path: nowhere)) { _ in }
        }
        #expect(throws: SocketError.self) {
          try Recorder(on: loop, adopting: .connecting(to: .unix(path: nowhere)))
        }
        let server = try HTTPServer(on: loop, address: .tcp(host: "127.0.0.1", port: 0)) { _ in
          HTTPReply(status: 200, contentType: "text/plain", body: .whole([]))
        }
        #expect(throws: SocketError.self) {
          try HTTPServer(on: loop, address: server.address) { _ in
            HTTPReply(status: 200, contentType: "text/plain", body: .whole([]))
          }
        }
        // libevent closes what was freed in the turn after.
        loop.turn()
      }
      // What the first time opens once and for all is no leak.
      try once()
      let before = Self.open
      for _ in 0..<20 { try once() }
      #expect(Self.open == before)
    }
  }

  @Test("descriptors that come in a message are the receiver's, and those that it sends are not")
  func messages() async {
    await #expect(processExitsWith: .success) {
      let before = Self.open
      var ends: [Int32] = [-1, -1]
      try #require(socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0)
      let (one, other) = (ends[0], ends[1])
      func exchange() throws {
        let number = Self.socketNumber()
        let own = Descriptor(adopting: number)
        let sender = Descriptor(adopting: one)
        let receiver = Descriptor(adopting: other)
        let lent = Self.open.count
        let isSent = DescriptorMessages.send([1], [own.number, number, number], on: sender)
        #expect(isSent && Self.open.count == lent)
        let received = DescriptorMessages.receive(on: receiver)
        let message = try #require(received)
        #expect(message.bytes == [1] && message.descriptors.count == 3)
        #expect(Self.open.count == lent + 3)
        func take() { _ = message.descriptors[1].take() }
        take()
        #expect(Self.open.count == lent + 2)
      }
      try exchange()
      #expect(Self.open == before)
    }
  }
}
