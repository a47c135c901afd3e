import Foundation
import Glibc
import TestSupport
import Testing

extension ProductTests.Restart.FDStoreTests {
  /// A conversation, with a line in the log at its end.
  private func converse() throws {
    let client = try StoreClient(path)
    try client.expectOK(StoreClient.put)
  }

  private func start(error: String, limits: Limits = Limits()) throws -> ChildProcess {
    let store = try ChildProcess(
      Product.store.path, ["--socket", path, "--allow-root"], [:], in: "/", out: "/dev/null",
      error: error, limits: limits)
    try eventually("it listens", within: 30) { (try? StoreClient(path)) != nil }
    return store
  }

  @Test("a log that nobody reads stops nothing; the number of lost lines is in the next line")
  func unreadLog() throws {
    let log = directory.path + "/log"
    try #require(mkfifo(log, 0o600) == 0)
    let reader = OwnedDescriptor(open(log, O_RDONLY | O_NONBLOCK | O_CLOEXEC))
    let store = try start(error: log)
    // More than the 64 KiB of a pipe.
    for _ in 0..<2_000 { try converse() }
    var text = ""
    func read() {
      var chunk = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = Glibc.read(reader.number, &chunk, chunk.count)
        guard count > 0 else { return }
        text += String(decoding: chunk[..<count], as: UTF8.self)
      }
    }
    read()
    try eventually("the number is told") {
      try converse()
      read()
      return text.contains(" lines were dropped: ")
    }
    for line in text.split(separator: "\n") { #expect(line.hasPrefix("jm-fd-store: "), "\(line)") }
    #expect(text.hasSuffix("\n"))
    store.signal(SIGTERM)
    #expect(try store.waitForExit() == 0)
  }

  @Test("a log whose reader has gone ends nothing")
  func lostLog() throws {
    let log = directory.path + "/log"
    try #require(mkfifo(log, 0o600) == 0)
    var reader: OwnedDescriptor? = OwnedDescriptor(
      open(log, O_RDONLY | O_NONBLOCK | O_CLOEXEC))
    let store = try start(error: log)
    withExtendedLifetime(reader) {}
    reader = nil
    for _ in 0..<3 { try converse() }
    #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
    #expect(!store.hasExited)
  }

  @Test(
    "started with standard descriptors closed, it opens /dev/null in their place",
    arguments: [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]])
  func closed(descriptors: [Int32]) throws {
    let store = try start(
      error: directory.path + "/log", limits: Limits(closed: descriptors))
    try converse()
    for descriptor in descriptors {
      #expect(
        try FileManager.default.destinationOfSymbolicLink(
          atPath: "/proc/\(store.pid)/fd/\(descriptor)") == "/dev/null")
    }
    #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
    store.signal(SIGTERM)
    #expect(try store.waitForExit() == 0)
  }

  @Test("a standstill counts for no deadline: neither that of a relay nor the hold time")
  func standstill() throws {
    let store = try store("--timeout", "2", "--hold", "3")
    let (held, put) = (try Pipe(), try Pipe())
    do { try StoreClient(path).putAll([held]) }
    let client = try StoreClient(path)
    try client.expectOK(StoreClient.put)
    store.child.signal(SIGSTOP)
    try eventually("it is stopped") { store.child.isStopped }
    #expect(client.socket.send(StoreClient.batch("p"), [put.kept]))
    pause(seconds: 4)
    store.child.signal(SIGCONT)
    #expect(client.socket.receive() == .packet(StoreClient.ok, []))
    #expect(!store.log.contains("silent for too long") && !store.log.contains("hold time"))
    held.letGo()
    #expect(held.isHeld)
  }
}
