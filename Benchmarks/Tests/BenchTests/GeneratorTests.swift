#if os(Linux)
  import Foundation
  import Testing

  @testable import RelayBench

  /// A minimal node: it accepts peers and sends the given bytes to the first one.
  private final class ScriptedNode: Sendable {
    let path = "/tmp/jm-bench-test-\(UUID().uuidString.prefix(8)).sock"
    private let listener: Int32

    init(playing numbers: [Int], cutAt piece: Int) throws {
      listener = try Socket.listen(on: .unix(path: path))
      let listener = self.listener
      let thread = Thread {
        var ready = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        poll(&ready, 1, 5000)
        let fd = accept(listener, nil, nil)
        guard fd >= 0 else { return }
        defer { close(fd) }
        var greeting = [UInt8](repeating: 0, count: 4096)
        _ = recv(fd, &greeting, greeting.count, 0)
        var bytes = Lines.frame(795, #"{\"accepted\": true}"#)
        for number in numbers {
          var line = Lines.measured(
            687, from: Lines.nick(0, salt: 1), to: "PUBLIC", stream: 0, size: 300)
          let offset = Lines.stampOffset(line)
          line.withUnsafeMutableBufferPointer { at in
            if let base = at.baseAddress { Lines.stamp(base + offset, number: number, time: 1) }
          }
          bytes += line
        }
        var sent = 0
        while sent < bytes.count {
          let end = min(sent + piece, bytes.count)
          sent += bytes[sent..<end].withUnsafeBytes {
            max(0, send(fd, $0.baseAddress, $0.count, 0))
          }
        }
        // Waits until the generator closes, so that only the bytes sent decide the test.
        _ = recv(fd, &greeting, greeting.count, 0)
      }
      thread.start()
    }

    deinit {
      close(listener)
      unlink(path)
    }
  }

  struct GeneratorTests {
    private func receive(_ numbers: [Int], cutAt piece: Int = 1 << 20) throws -> Int {
      let node = try ScriptedNode(playing: numbers, cutAt: piece)
      let load = try Generator(
        Target(address: .unix(path: node.path)), count: 1, makers: 0..<0, streams: 1)
      try load.connect(within: 5)
      try load.await("all lines", within: 5) { load.deliveries == numbers.count }
      return load.latencies.count
    }

    @Test("Lines in order are counted, however they are cut", arguments: [1, 7, 299, 301, 4096])
    func complete(piece: Int) throws {
      #expect(try receive(Array(0..<20), cutAt: piece) == 20)
    }

    @Test(
      "A line that is missing, doubled or swapped fails the run",
      arguments: [[0, 2], [0, 0], [0, 2, 1], [1]])
    func incomplete(numbers: [Int]) {
      #expect(throws: BenchError.self) { try receive(numbers) }
    }

    @Test("The floor's table of nicks agrees with a plain dictionary")
    func nicks() throws {
      let table = FloorNicks()
      defer { table.release() }
      var model: [Int: Int32] = [:]
      var state: UInt64 = 42
      func random(_ n: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % n
      }
      func key(_ i: Int) -> NickKey {
        Array(Lines.nick(i, salt: 3).utf8).withUnsafeBufferPointer { bytes in
          bytes.baseAddress.map { NickKey($0) } ?? NickKey()
        }
      }
      for step in 0..<60_000 {
        let i = random(8000)
        if let fd = model.removeValue(forKey: i) {
          table.remove(key(i), fd)
        } else {
          model[i] = Int32(step)
          table.insert(key(i), Int32(step))
        }
      }
      for i in 0..<8000 { #expect(table.find(key(i)) == model[i] ?? -1) }
    }
  }
#endif
