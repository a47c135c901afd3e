import Foundation
import Glibc
import TestSupport
import Testing

extension ProductTests.Restart {
  /// Tests each rule of docs/fd-store.md over real sockets with the real process.
  @Suite("jm-fd-store")
  struct FDStoreTests {
    let directory: TemporaryDirectory
    var path: String { directory.path + "/store" }

    init() throws { directory = try TemporaryDirectory() }

    func store(_ arguments: String...) throws -> StoreProcess {
      try StoreProcess(at: path, arguments)
    }

    @Test("what is put and committed is fetched in the same batches, and released once confirmed")
    func putAndFetch() throws {
      let store = try store()
      let pipes = try (0..<253).map { _ in try Pipe() }
      do {
        let client = try StoreClient(path)
        try client.expectOK(StoreClient.put)
        let first = String(repeating: "p", count: 250)
        try client.expectOK(StoreClient.batch(first), pipes.prefix(250).map(\.kept))
        try client.expectOK(StoreClient.batch("isl"), pipes.suffix(3).map(\.kept))
        try client.expectOK(StoreClient.commit(253))
      }
      for pipe in pipes { pipe.letGo() }
      let client = try StoreClient(path)
      let batches = try client.fetchAll()
      #expect(batches.map(\.names) == [String(repeating: "p", count: 250), "isl"])
      for (pipe, descriptor) in zip(pipes, batches.flatMap(\.descriptors)) {
        try pipe.expectSame(as: descriptor)
      }
      try client.expectOK(StoreClient.done)
      for descriptor in batches.flatMap(\.descriptors) { close(descriptor) }
      for pipe in pipes { try pipe.expectClosed() }
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
      #expect(store.log.contains("holding 253 descriptors"))
      #expect(store.log.contains("253 descriptors were fetched"))
    }

    @Test("a put that is not committed is discarded, and what was held before stays")
    func uncommitted() throws {
      let store = try store()
      let (old, new) = (try Pipe(), try Pipe())
      do { try StoreClient(path).putAll([old]) }
      old.letGo()
      do {
        let client = try StoreClient(path)
        try client.expectOK(StoreClient.put)
        try client.expectOK(StoreClient.batch("p"), [new.kept])
      }
      try new.expectClosed()
      try store.waitForLog("a put was not finished and is discarded")
      let batches = try StoreClient(path).fetchAll()
      try old.expectSame(as: try #require(batches.first?.descriptors.first))
      for descriptor in batches.flatMap(\.descriptors) { close(descriptor) }
      #expect(old.isHeld)
    }

    @Test("a new committed put replaces what was held")
    func replaced() throws {
      let store = try store()
      let (old, new) = (try Pipe(), try Pipe())
      do { try StoreClient(path).putAll([old]) }
      do { try StoreClient(path).putAll([new]) }
      new.letGo()
      try old.expectClosed()
      #expect(new.isHeld)
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(1))
      #expect(!store.child.hasExited)
    }

    @Test("a fetch that is not confirmed leaves everything to the next fetch")
    func unconfirmed() throws {
      let store = try store()
      let pipe = try Pipe()
      do { try StoreClient(path).putAll([pipe]) }
      pipe.letGo()
      for _ in 0..<2 {
        let batches = try StoreClient(path).fetchAll()
        for descriptor in batches.flatMap(\.descriptors) { close(descriptor) }
      }
      try store.waitForLog("a fetch was not confirmed, 1 descriptors stay")
      #expect(pipe.isHeld)
      let client = try StoreClient(path)
      for descriptor in try client.fetchAll().flatMap(\.descriptors) { close(descriptor) }
      try client.expectOK(StoreClient.done)
      try pipe.expectClosed()
    }

    @Test("a second relay waits until the first has finished")
    func second() throws {
      let store = try store()
      let pipe = try Pipe()
      var first: StoreClient? = try StoreClient(path)
      try first?.expectOK(StoreClient.put)
      let second = try StoreClient(path)
      #expect(second.socket.send(StoreClient.fetch))
      try first?.expectOK(StoreClient.batch("p"), [pipe.kept])
      #expect(second.socket.receive(within: 0.2) == .nothing)
      try first?.expectOK(StoreClient.commit(1))
      #expect(second.socket.receive(within: 0.2) == .nothing)
      first = nil
      #expect(second.socket.receive() == .packet(StoreClient.number(1), []))
      #expect(!store.child.hasExited)
    }

    @Test("a silent relay is disconnected after the timeout, and the next one is served")
    func silent() throws {
      let store = try store("--timeout", "1")
      let pipe = try Pipe()
      let silent = try StoreClient(path)
      try silent.expectOK(StoreClient.put)
      try silent.expectOK(StoreClient.batch("p"), [pipe.kept])
      let next = try StoreClient(path)
      #expect(next.socket.send(StoreClient.fetch))
      #expect(next.socket.receive() == .packet(StoreClient.number(0), []))
      #expect(silent.socket.receive() == .closed)
      try pipe.expectClosed()
      #expect(store.log.contains("discarded: silent for too long"))
    }

    @Test("a relay that never sends anything is disconnected, too")
    func mute() throws {
      let store = try store("--timeout", "1")
      let mute = try StoreClient(path)
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
      #expect(mute.socket.receive() == .closed)
      #expect(!store.child.hasExited)
    }

    @Test("what nobody fetches is closed when the hold time is over")
    func hold() throws {
      let store = try store("--hold", "1")
      let pipe = try Pipe()
      let began = monotonicSeconds()
      do { try StoreClient(path).putAll([pipe]) }
      try pipe.expectClosed()
      #expect(monotonicSeconds() - began >= 0.9)
      #expect(store.log.contains("nobody came within the hold time: closing 1 descriptors"))
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
    }

    @Test("a fetch does not prolong the hold time, and ends with it")
    func holdDuringFetch() throws {
      let store = try store("--hold", "2")
      let pipe = try Pipe()
      do { try StoreClient(path).putAll([pipe]) }
      let client = try StoreClient(path)
      for descriptor in try client.fetchAll().flatMap(\.descriptors) { close(descriptor) }
      try pipe.expectClosed()
      #expect(client.socket.receive() == .closed)
      #expect(!store.child.hasExited)
    }

    @Test("a put continues when the hold time of earlier descriptors is over")
    func holdDuringPut() throws {
      let store = try store("--hold", "1")
      let (old, new) = (try Pipe(), try Pipe())
      do { try StoreClient(path).putAll([old]) }
      let client = try StoreClient(path)
      try client.expectOK(StoreClient.put)
      try old.expectClosed()
      try client.expectOK(StoreClient.batch("p"), [new.kept])
      try client.expectOK(StoreClient.commit(1))
      #expect(store.log.contains("holding 1 descriptors"))
    }

    // MARK: The process

    @Test(
      "SIGTERM and SIGINT close everything, remove the socket and end with 0",
      arguments: [SIGTERM, SIGINT])
    func stop(signal: Int32) throws {
      let store = try store()
      let pipe = try Pipe()
      do { try StoreClient(path).putAll([pipe]) }
      var status = stat()
      #expect(lstat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o600)
      store.child.signal(signal)
      #expect(try store.child.waitForExit() == 0)
      try pipe.expectClosed()
      #expect(lstat(path, &status) != 0)
      #expect(store.log.hasSuffix("jm-fd-store: stopped\n"))
    }

    @Test("a wrong argument ends with 78, a socket that cannot be made with 71")
    func exitCodes() throws {
      func run(_ arguments: String...) throws -> (Int32, String) {
        let outcome = try Product.store.run(arguments)
        return (outcome.status, outcome.error)
      }
      for hold in ["0", "86401", "-1"] {
        let (status, error) = try run("--socket", path, "--allow-root", "--hold=\(hold)")
        #expect(status == 78)
        #expect(
          error == "jm-fd-store: error: --hold: \(hold) is not between 1 and 86400 seconds\n")
      }
      for timeout in ["0", "61"] {
        let (status, error) = try run("--socket", path, "--allow-root", "--timeout", timeout)
        #expect(status == 78)
        #expect(
          error == "jm-fd-store: error: --timeout: \(timeout) is not between 1 and 60 seconds\n")
      }
      let long = "/" + String(repeating: "x", count: 107)
      #expect(try run("--socket", long, "--allow-root").0 == 78)
      #expect(try run("--socket", "", "--allow-root").0 == 78)
      let file = directory.path + "/file"
      _ = FileManager.default.createFile(atPath: file, contents: Data([1]))
      let (status, error) = try run("--socket", file, "--allow-root")
      #expect(status == 78 && error.contains("is there and is no socket"))
      #expect(FileManager.default.contents(atPath: file) == Data([1]))
      #expect(try run("--socket", directory.path + "/missing/store", "--allow-root").0 == 71)
      let store = try store()
      let (second, reason) = try run("--socket", path, "--allow-root")
      #expect(second == 71 && reason.contains("another store listens there"))
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
      #expect(!store.child.hasExited)
      if geteuid() == 0 { #expect(try run("--socket", path).0 == 78) }
    }

    @Test("a stale socket is replaced; the socket of another store is not removed at the end")
    func socketFile() throws {
      let first = try store()
      first.child.signal(SIGKILL)
      #expect(try first.child.waitForExit() == 128 + SIGKILL)
      let second = try store()
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
      // The file of the second store is removed, and another store uses the path.
      #expect(unlink(path) == 0)
      let third = try store()
      second.child.signal(SIGTERM)
      #expect(try second.child.waitForExit() == 0)
      #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
      #expect(!third.child.hasExited)
    }

    @Test("it leaves no core file, and other processes cannot read its memory")
    func hardened() throws {
      let store = try store()
      let limits = try String(
        contentsOfFile: "/proc/\(store.child.pid)/limits", encoding: .utf8)
      let core = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max core") })
      #expect(core.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
      if geteuid() != 0 { #expect(store.child.isHidden) }
    }
  }
}
