#if os(Linux)
  import Glibc
  import Testing

  @testable import RelayBench

  /// Runs both ends in one thread: a Unix socket takes connections and bytes while the other end
  /// does not run.
  private final class PoolHarness: PeerPoolOwner {
    let path: String
    private let listener: Int32
    let pool: PeerPool
    private(set) var acceptedSlots: [Int] = []
    private(set) var lines: [String] = []
    private(set) var ends: [PeerPool.End] = []
    var closesOnLine = false

    init(_ name: String) throws {
      path = "/tmp/jm-pool-\(getpid())-\(name).sock"
      listener = try Socket.listen(on: .unix(path: path))
      pool = try PeerPool(path, count: 2)
      pool.owner = self
    }

    deinit {
      close(listener)
      unlink(path)
    }

    func accepted(_ slot: Int) { acceptedSlots.append(slot) }
    func closed(_ slot: Int, by end: PeerPool.End) { ends.append(end) }
    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {
      lines.append(String(decoding: UnsafeBufferPointer(start: line, count: n), as: UTF8.self))
      if closesOnLine { pool.close(slot) }
    }

    /// Opens slot 0 and returns the relay's end of it.
    func open(readRate: Int = 0) throws -> Int32 {
      #expect(try pool.open(0, greeting: Array("hello\r\n".utf8), readRate: readRate))
      let fd = accept(listener, nil, nil)
      #expect(receive(fd) == "hello\r\n")
      return fd
    }

    func send(_ text: String, _ fd: Int32) throws {
      let bytes = Array(text.utf8)
      #expect(Socket.send(fd, bytes, bytes.count) == bytes.count)
      try pool.turn(atMost: 0)
    }

    func receive(_ fd: Int32) -> String {
      var room = [UInt8](repeating: 0, count: 4096)
      let n = recv(fd, &room, room.count, Int32(MSG_DONTWAIT))
      return String(decoding: room[..<max(0, n)], as: UTF8.self)
    }
  }

  struct PeerPoolTests {
    private static let yes = "{\"type\": 795, \"line\": \"{\\\"accepted\\\": true}\"}\r\n"
    private static let no = "{\"type\": 795, \"line\": \"{\\\"accepted\\\": false}\"}\r\n"
    private static let ping = "{\"type\": 798, \"line\": \"\"}\r\n"
    private static let line = "{\"type\": 687, \"line\": \"a!PUBLIC!b\"}\r\n"

    @Test("A peer is accepted, answers PING and joins lines that arrive in pieces")
    func conversation() throws {
      let harness = try PoolHarness("talk")
      let fd = try harness.open()
      defer { close(fd) }
      try harness.send(Self.yes + Self.ping, fd)
      #expect(harness.acceptedSlots == [0] && harness.pool.readyCount == 1)
      #expect(harness.receive(fd) == "{\"type\": 799, \"line\": \"\"}\r\n")
      for byte in Self.line { try harness.send(String(byte), fd) }
      try harness.send(Self.line + Self.line, fd)
      #expect(harness.lines == Array(repeating: String(Self.line.dropLast(1)) + "\r", count: 3))
    }

    @Test("The three ways in which a connection ends are distinguished")
    func ends() throws {
      let harness = try PoolHarness("ends")
      try harness.send(Self.no, try harness.open())
      for greeting in ["", Self.yes] {
        let fd = try harness.open()
        if !greeting.isEmpty { try harness.send(greeting, fd) }
        close(fd)
        try harness.pool.turn(atMost: 0)
      }
      #expect(harness.ends == [.rejected, .refused, .afterHandshake])
      #expect(harness.pool.readyCount == 0 && harness.pool.isFree(0))
    }

    @Test("After a close during a line, no more lines of that connection are passed on")
    func closing() throws {
      let harness = try PoolHarness("close")
      harness.closesOnLine = true
      let fd = try harness.open()
      defer { close(fd) }
      try harness.send(Self.yes + Self.line + Self.line, fd)
      #expect(harness.lines.count == 1 && harness.ends.isEmpty && harness.pool.isFree(0))
    }

    @Test("A peer with a read rate reads its burst and then waits for credit")
    func readRate() throws {
      let harness = try PoolHarness("rate")
      let fd = try harness.open(readRate: 100)
      defer { close(fd) }
      // Sends far more than a burst. The 100 bytes a second during the test add far less than one.
      for _ in 0..<200 { try harness.send(Self.line, fd) }
      let most = 100 * PeerPool.burstSeconds / Self.line.utf8.count
      #expect((most...(most + 40)).contains(harness.lines.count), "\(harness.lines.count) lines")
    }
  }
#endif
