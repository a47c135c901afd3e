import Testing

extension ProductTests.Soak {
  @Test(
    "200,000 times connect, handshake and leave: memory and descriptors stay flat",
    .timeLimit(.minutes(15)))
  func comeAndGo() throws {
    let directory = try TemporaryDirectory()
    let place = TestSocket.Address.unix(directory.path + "/relay")
    let relay = try RelayProcess(["LISTEN_UNIX": directory.path + "/relay"])
    let watcher = try TestPeer(to: relay, .taker(1), at: place)
    let accepted = Frames.accepted(by: try relay.nick)
    let batch = 100
    // Waits until the relay has released the memory that only its start needed.
    pause(seconds: 12.5)
    try settle(relay)
    let descriptors = relay.descriptorCount
    // Compares the peaks of the second and of the last tenth, because single values vary.
    var (early, late) = (Size(), Size())
    for round in 0..<2_000 {
      let hellos = (0..<batch).map { Hello.taker(100 + round * batch + $0) }
      // Half of them use TCP and end with a reset, which avoids TIME_WAIT for the port.
      let peers = try hellos.enumerated().map { number, hello in
        let peer = try TestPeer(number % 2 == 0 ? place : .tcp(try relay.port))
        try peer.send(hello.frame)
        return peer
      }
      for peer in peers where try peer.nextFrame() != accepted { throw TestFailure("not accepted") }
      for (number, peer) in peers.enumerated() {
        if number % 2 == 0 { peer.close() } else { peer.socket.reset() }
      }
      guard round % 20 == 0 else { continue }
      try watcher.expectNothing()
      if (200..<400).contains(round) { early.note(relay) }
      if (1_800..<2_000).contains(round) { late.note(relay) }
    }
    try settle(relay)
    print("200,000 connections: \(early) in the second tenth, \(late) in the last")
    #expect(late.heap < early.heap + 512 << 10)
    #expect(Double(late.resident) < Double(early.resident) * 1.1)
    #expect(late.descriptors <= early.descriptors + batch)
    #expect(relay.heapBytes < early.heap + 512 << 10)
    #expect(relay.descriptorCount <= descriptors + 2)
    try watcher.expectNothing()
  }

  private struct Size: CustomStringConvertible {
    private(set) var heap = 0
    private(set) var resident = 0
    private(set) var descriptors = 0

    mutating func note(_ relay: RelayProcess) {
      heap = max(heap, relay.heapBytes)
      resident = max(resident, relay.residentBytes)
      descriptors = max(descriptors, relay.descriptorCount)
    }

    var description: String { "heap \(heap), RSS \(resident), descriptors \(descriptors)" }
  }

  /// Waits until one connection is left; the self-probe counts, too.
  func settle(_ relay: RelayProcess) throws {
    try eventually("one peer is left") {
      let peers = try relay.metric("jm_directory_backlog_peers")
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      return peers == 0 && status.contains("\"active_connections\": 1")
    }
  }
}
