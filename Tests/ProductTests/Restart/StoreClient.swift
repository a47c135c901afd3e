// A client of jm-fd-store, written from docs/fd-store.md. Shares no code with the relay, so that it
// does not share its mistakes.

import Glibc
import TestSupport
import Testing

/// A conversation with a store.
final class StoreClient {
  let socket: PacketSocket

  init(_ path: String) throws {
    guard let socket = PacketSocket(connectingTo: path) else {
      throw TestFailure("\(path): \(String(cString: strerror(errno)))")
    }
    self.socket = socket
  }

  static let put: [UInt8] = [UInt8(ascii: "P"), 1]
  static let fetch: [UInt8] = [UInt8(ascii: "F"), 1]
  static let ok: [UInt8] = [UInt8(ascii: "K")]
  static let done: [UInt8] = [UInt8(ascii: "D")]

  static func batch(_ names: String) -> [UInt8] { Array("B\(names)".utf8) }
  static func commit(_ count: Int) -> [UInt8] { [UInt8(ascii: "C")] + bytes(of: count) }
  static func number(_ count: Int) -> [UInt8] { [UInt8(ascii: "N")] + bytes(of: count) }

  private static func bytes(of count: Int) -> [UInt8] {
    withUnsafeBytes(of: UInt32(count).littleEndian, Array.init)
  }

  /// Sends a packet and returns the answer.
  func ask(_ packet: [UInt8], _ descriptors: [Int32] = []) throws -> ([UInt8], [Int32]) {
    guard socket.send(packet, descriptors) else { throw TestFailure("a packet was not sent") }
    guard case .packet(let bytes, let descriptors) = socket.receive() else {
      throw TestFailure("no answer to \(packet)")
    }
    return (bytes, descriptors)
  }

  func expectOK(
    _ packet: [UInt8], _ descriptors: [Int32] = [], _ place: SourceLocation = #_sourceLocation
  ) throws {
    #expect(try ask(packet, descriptors).0 == Self.ok, sourceLocation: place)
  }

  /// Expects an `E` with this text, and the end of the connection.
  func expectRefusal(
    of packet: [UInt8], with descriptors: [Int32] = [], because reason: String,
    _ place: SourceLocation = #_sourceLocation
  ) throws {
    let text = String(decoding: try ask(packet, descriptors).0, as: UTF8.self)
    #expect(text == "E" + reason, sourceLocation: place)
    #expect(socket.receive() == .closed, sourceLocation: place)
  }

  // MARK: Whole conversations

  func putAll(_ pipes: [Pipe], names: String? = nil) throws {
    try expectOK(Self.put)
    let ends = pipes.map(\.kept)
    try expectOK(Self.batch(names ?? String(repeating: "p", count: ends.count)), ends)
    try expectOK(Self.commit(ends.count))
  }

  /// Fetches all batches that the store holds, without a confirmation.
  func fetchAll() throws -> [(names: String, descriptors: [Int32])] {
    let (answer, _) = try ask(Self.fetch)
    #expect(answer.first == UInt8(ascii: "N"))
    let count = answer.dropFirst().reversed().reduce(0) { $0 << 8 | Int($1) }
    var batches: [(names: String, descriptors: [Int32])] = []
    while batches.reduce(0, { $0 + $1.descriptors.count }) < count {
      let (packet, descriptors) = try ask(Self.ok)
      #expect(packet.first == UInt8(ascii: "B"))
      batches.append((String(decoding: packet.dropFirst(), as: UTF8.self), descriptors))
    }
    return batches
  }
}

/// Two connected sockets. One end is put into a store, the other shows whether a process still
/// holds it.
final class Pipe {
  private(set) var kept: Int32 = -1
  private let watched: TestSocket

  init() throws {
    var ends: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw TestFailure("no socket pair") }
    kept = ends[0]
    watched = TestSocket(adopting: ends[1])
  }

  deinit { letGo() }

  /// Closes our copy of the end that was put.
  func letGo() {
    if kept >= 0 { close(kept) }
    kept = -1
  }

  /// Expects that all copies of the other end are closed within `seconds`.
  func expectClosed(within seconds: Double = 20, _ place: SourceLocation = #_sourceLocation) throws
  {
    letGo()
    #expect(try watched.receive(within: seconds) == nil, sourceLocation: place)
  }

  var isHeld: Bool { (try? watched.hasInput(within: 0)) == false }

  /// Expects that `descriptor` is the end that was put.
  func expectSame(as descriptor: Int32, _ place: SourceLocation = #_sourceLocation) throws {
    #expect(write(descriptor, "x", 1) == 1, sourceLocation: place)
    #expect(try watched.receive(within: 10) == [UInt8(ascii: "x")], sourceLocation: place)
  }
}
