// A scripted JoinMarket peer: it sends only what a test tells it to and returns every frame as
// received. To prove that no frame was sent it does not wait: it sends a PING, and the PONG must be
// the next frame.

import Testing

final class TestPeer {
  let socket: TestSocket
  /// The nick of its handshake; empty before the handshake.
  private(set) var nick = ""
  private var buffer: [UInt8] = []
  private var start = 0

  init(_ address: TestSocket.Address) throws { socket = try TestSocket(address) }

  /// Connects and completes the handshake.
  convenience init(
    to relay: RelayProcess, _ hello: Hello, at address: TestSocket.Address? = nil
  ) throws {
    try self.init(address ?? .tcp(try relay.port))
    try shakeHands(hello, with: relay)
  }

  func shakeHands(_ hello: Hello, with relay: RelayProcess) throws {
    nick = hello.nick
    try send(hello.frame)
    let reply = try nextFrame()
    guard reply == Frames.accepted(by: try relay.nick) else {
      throw TestFailure("not accepted: \(reply)")
    }
  }

  // MARK: Sending

  func send(_ text: String) throws { try socket.send(Array(text.utf8)) }
  func send(_ bytes: [UInt8]) throws { try socket.send(bytes) }

  func sendPublic(_ command: String) throws {
    try send(Frames.frame(687, "\(nick)!PUBLIC!\(command)"))
  }

  func send(_ command: String, to receiver: String) throws {
    try send(Frames.frame(685, "\(nick)!\(receiver)!\(command)"))
  }

  func close() { socket.close() }

  /// Closes, and returns when the relay has noticed. Frames that other peers send after this call
  /// follow the departure.
  func leave() throws {
    socket.shutdownWriting()
    while try socket.receive(within: 10) != nil {}
    socket.close()
  }

  // MARK: Receiving

  /// Returns the next frame, with its `\r\n`.
  /// - Throws: if no frame arrives in time, the stream ends, or a line ends in another way.
  func nextFrame(within seconds: Double = 10) throws -> String {
    let deadline = monotonicSeconds() + seconds
    while true {
      if let end = buffer[start...].firstIndex(of: 10) {
        let frame = String(decoding: buffer[start...end], as: UTF8.self)
        start = end + 1
        if start == buffer.count {
          buffer.removeAll(keepingCapacity: true)
          start = 0
        }
        guard frame.hasSuffix("\r\n") else { throw TestFailure("ends without CR LF: \(frame)") }
        return frame
      }
      let scanned = buffer.count
      guard let more = try socket.receive(within: deadline - monotonicSeconds()) else {
        throw TestFailure("closed, \(scanned - start) bytes of a frame before")
      }
      buffer += more
    }
  }

  /// Reads the same number of frames and compares them.
  func expect(_ frames: [String], _ place: SourceLocation = #_sourceLocation) throws {
    for frame in frames { #expect(try nextFrame() == frame, sourceLocation: place) }
  }

  func expect(_ frame: String, _ place: SourceLocation = #_sourceLocation) throws {
    try expect([frame], place)
  }

  /// Expects that the relay has handled everything that was sent before, has no frame for this
  /// peer, and keeps it connected.
  func expectNothing(_ place: SourceLocation = #_sourceLocation) throws {
    try send(Frames.ping)
    try expect(Frames.pong, place)
  }

  /// Expects that the relay closes the connection without another frame.
  func expectClosed(within seconds: Double = 10, _ place: SourceLocation = #_sourceLocation) throws
  {
    var rest = Array(buffer[start...])
    let deadline = monotonicSeconds() + seconds
    while let more = try socket.receive(within: deadline - monotonicSeconds()) { rest += more }
    #expect(String(decoding: rest, as: UTF8.self) == "", sourceLocation: place)
  }
}
