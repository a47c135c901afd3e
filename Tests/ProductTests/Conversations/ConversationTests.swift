import Testing

extension ProductTests {
  @Suite("Recorded conversations")
  struct ConversationTests {
    enum Way: String, CaseIterable {
      case asRecorded, inARowAtOnce, allAtOnce, byteByByteTCP, byteByByteUnix

      func form(_ recording: Recording) -> Recording {
        switch self {
        case .inARowAtOnce: recording.coalesced
        case .allAtOnce: recording.glued
        default: recording
        }
      }
    }

    @Test(
      "Every line reaches its receivers, byte for byte, wherever it is cut",
      arguments: ["cs-network", "ng-client"], Way.allCases)
    func replay(name: String, way: Way) throws {
      let directory = try TemporaryDirectory()
      let path = directory.path + "/relay"
      let relay = try RelayProcess(["LISTEN_UNIX": path])
      let place = way == .byteByByteUnix ? TestSocket.Address.unix(path) : .tcp(try relay.port)
      var replay = Replay(model: Model(relayNick: try relay.nick), place: place)
      for event in try way.form(Recording(name)).events {
        try replay.perform(event) { peer, bytes in
          switch way {
          case .byteByByteTCP:
            for byte in bytes.utf8 { try peer.send([byte]) }
          case .byteByByteUnix:
            for byte in bytes.utf8 {
              try peer.send([byte])
              try peer.socket.waitUntilRead()
            }
          default: try peer.send(bytes)
          }
        }
      }
      #expect(replay.compared >= 15)
      #expect(try relay.stop() == 0)
    }
  }
}

/// Replays the peers' side of a recording in order. After each event it waits for all frames that
/// must follow.
private struct Replay {
  var model: Model
  let place: TestSocket.Address
  var peers: [Int: TestPeer] = [:]
  /// The number of compared frames. A replay without comparisons would prove nothing.
  var compared = 0

  mutating func perform(_ event: Recording.Event, send: (TestPeer, String) throws -> Void) throws {
    guard let bytes = event.bytes else {
      try peers.removeValue(forKey: event.conn)?.leave()
      model.leave(event.conn)
      return try compare()
    }
    if peers[event.conn] == nil { peers[event.conn] = try TestPeer(place) }
    guard let peer = peers[event.conn] else { return }
    try send(peer, bytes)
    try model.receive(bytes, from: event.conn)
    try compare()
  }

  private mutating func compare() throws {
    let due = model.outgoing
    let closed = model.closed
    model.settle()
    for (conn, frames) in due.sorted(by: { $0.key < $1.key }) {
      guard let peer = peers[conn] else { throw TestFailure("no peer has connection \(conn)") }
      try peer.expect(frames)
      compared += frames.count
      // A real client answers a probe.
      guard frames.contains(Frames.ping) else { continue }
      try peer.send(Frames.pong)
      try model.receive(Frames.pong, from: conn)
    }
    for conn in closed { try peers[conn]?.expectClosed() }
    if !model.outgoing.isEmpty { try compare() }
    for conn in model.present { try peers[conn]?.expectNothing() }
  }
}
