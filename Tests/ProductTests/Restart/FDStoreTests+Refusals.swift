import Foundation
import Glibc
import TestSupport
import Testing

extension ProductTests.Restart.FDStoreTests {
  @Test("invalid packets are refused with a reason, and the store keeps what it holds")
  func refusals() throws {
    let store = try store()
    let pipe = try Pipe()
    do { try StoreClient(path).putAll([pipe]) }
    try eventually("the put is over") { store.log.contains("holding 1") }
    let descriptors = store.descriptorCount
    let misplaced = "this packet does not belong here"
    let version = "version 1 is spoken here"
    for packet: [UInt8] in [
      StoreClient.batch("p"), StoreClient.commit(0), StoreClient.ok, StoreClient.done,
      [0], [0xff, 1], Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("N\0\0\0\0".utf8),
    ] {
      try StoreClient(path).expectRefusal(of: packet, because: misplaced)
    }
    for packet: [UInt8] in [
      [UInt8(ascii: "P")], [UInt8(ascii: "P"), 0], [UInt8(ascii: "P"), 2],
      [UInt8(ascii: "P"), 1, 1], [UInt8(ascii: "F")], [UInt8(ascii: "F"), 2],
    ] {
      try StoreClient(path).expectRefusal(of: packet, because: version)
    }
    for packet in [StoreClient.put, StoreClient.fetch, StoreClient.ok] {
      try StoreClient(path).expectRefusal(
        of: packet, with: [pipe.kept], because: "descriptors outside a batch")
    }
    #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(1))
    try eventually("the last conversation is over") { store.descriptorCount <= descriptors }
  }

  @Test("a batch has 1 to 250 descriptors and a name for each, and a commit their number")
  func wrongBatches() throws {
    let store = try store()
    let descriptors = store.descriptorCount
    let pipe = try Pipe()
    let reason = "a batch has 1 to 250 descriptors and a name for each"
    let ends = [Int32](repeating: pipe.kept, count: 251)
    for (names, count) in [("", 0), ("p", 0), ("", 1), ("pp", 1), ("p", 2)] {
      let client = try StoreClient(path)
      try client.expectOK(StoreClient.put)
      try client.expectRefusal(
        of: StoreClient.batch(names), with: Array(ends.prefix(count)), because: reason)
    }
    let client = try StoreClient(path)
    try client.expectOK(StoreClient.put)
    try client.expectRefusal(
      of: StoreClient.batch(String(repeating: "p", count: 251)), with: ends, because: reason)
    for packet in [
      StoreClient.commit(2), StoreClient.commit(0), [UInt8(ascii: "C")], [UInt8(ascii: "C"), 1],
    ] {
      let client = try StoreClient(path)
      try client.expectOK(StoreClient.put)
      try client.expectOK(StoreClient.batch("p"), [pipe.kept])
      try client.expectRefusal(
        of: packet, because: "1 descriptors have come, another number is committed")
    }
    let again = try StoreClient(path)
    try again.expectOK(StoreClient.put)
    try again.expectRefusal(of: StoreClient.put, because: "this packet does not belong here")
    #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
    try eventually("the last conversation is over") { store.descriptorCount <= descriptors }
  }

  @Test("a packet that is too long, or empty, ends the conversation")
  func oversized() throws {
    let store = try store()
    for packet in [[UInt8](repeating: UInt8(ascii: "P"), count: 513), []] {
      let client = try StoreClient(path)
      try client.expectOK(StoreClient.put)
      client.socket.send(packet)
      #expect(client.socket.receive() == .closed)
    }
    #expect(store.log.contains("a packet is cut"))
    #expect(try StoreClient(path).ask(StoreClient.fetch).0 == StoreClient.number(0))
  }

  @Test(
    "a connection of another user is closed unread",
    .enabled(if: geteuid() == 0, "only root can run a process as another user"))
  func otherUser() throws {
    // The store runs as user nobody and the test as root.
    let (nobody, copy) = (uid_t(65_534), directory.path + "/jm-fd-store")
    // By another process: a program that is open for writing here, in a child of another test too,
    // cannot be run.
    let copying = try ChildProcess(
      "/bin/cp", [Product.store.path, copy], [:], in: "/", out: "/dev/null", error: "/dev/null")
    try #require(try copying.waitForExit(within: 30) == 0)
    #expect(chmod(directory.path, 0o755) == 0 && chown(directory.path, nobody, nobody) == 0)
    let log = directory.path + "/log"
    let store = try ChildProcess(
      "/usr/bin/setpriv",
      [
        "--reuid=65534", "--regid=65534", "--clear-groups", copy, "--socket", path,
      ], [:], in: "/", out: "/dev/null", error: log)
    func said() -> String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }
    try eventually("it listens: \(said())", within: 30) { said().contains("listening on") }
    let client = try StoreClient(path)
    client.socket.send(StoreClient.fetch)
    #expect(client.socket.receive() == .closed)
    try eventually("the store logs it") { said().contains("refused a connection of another user") }
    #expect(!store.hasExited)
    #expect(store.isHidden)
  }
}
