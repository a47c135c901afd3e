import Glibc
import Testing

extension ProductTests.Soak {
  @Test(
    "1,000,000 hostile inputs: the relay survives, forgets them all, and is as small as before",
    .timeLimit(.minutes(20)))
  func hostile() throws {
    raiseDescriptorLimit()
    let seed =
      getenv("JM_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
    let directory = try TemporaryDirectory()
    let path = directory.path + "/relay"
    let relay = try RelayProcess(
      Proving.settings.merging([
        "LISTEN_UNIX": path, "NICK_AUTH_TIMEOUT": "2", "HANDSHAKE_TIMEOUT": "2",
        "PEER_BACKLOG_SOFT_TIME": "5", "MESSAGE_RATE_LIMIT": "300",
      ]) { $1 })
    // The relay frees the memory that only its start needed after 12 s, and that of many
    // connections when they have closed.
    pause(seconds: 12.5)
    var hostility = Hostility(seed: seed, unix: .unix(path), tcp: .tcp(try relay.port))
    let start = Size(relay)
    let worst = try Self.run(1_000_000, of: &hostility, against: relay)
    var end = Size(relay)
    try eventually("it is as small as before: \(start), now \(end)") {
      end = Size(relay)
      return Double(end.resident) < Double(start.resident) * 1.1
        && end.descriptors <= start.descriptors
    }
    let refused = try relay.closed("pending_full") + relay.closed("evicted")
    let kinds = hostility.counts.map { "\($0.key.rawValue) \($0.value)" }.sorted()
    print(
      "hostile inputs, seed \(seed), \(hostility.bytes) bytes: \(kinds.joined(separator: ", "))")
    print("before \(start); after \(end)")
    print("slowest PING \(worst * 1000) ms; refused for lack of a place \(refused)")
    #expect(refused < 10_000)
    #expect(try relay.stop() == 0)
  }

  private struct Size: CustomStringConvertible {
    let resident, heap, descriptors: Int

    init(_ relay: RelayProcess) {
      (resident, heap, descriptors) =
        (relay.residentBytes, relay.heapBytes, relay.descriptorCount)
    }

    var description: String { "RSS \(resident), heap \(heap), descriptors \(descriptors)" }
  }

  /// Sends `count` inputs beside an honest peer, then waits until all hostile peers have left and
  /// their state is removed.
  /// - Returns: the longest time that the honest peer waited for a PONG, in seconds.
  private static func run(_ count: Int, of hostility: inout Hostility, against relay: RelayProcess)
    throws -> Double
  {
    let honest = try TestPeer(to: relay, proving: .taker(1))
    var worst = 0.0
    for input in 1...count {
      try hostility.act()
      // A PONG shows that the relay has handled all earlier input, so it refuses hardly any
      // connection for lack of a place.
      guard input % 400 == 0 else { continue }
      let began = monotonicSeconds()
      try honest.send(Frames.ping)
      // Public lines of hostile peers arrive before it.
      while try honest.nextFrame() != Frames.pong {}
      worst = max(worst, monotonicSeconds() - began)
    }
    hostility.leave()
    honest.close()
    try eventually("all have left", within: 30) {
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      let pending = try relay.metric("jm_directory_pending_connections")
      return pending == 0 && status.contains("\"active_connections\": 0")
    }
    for name in [
      "backlog_bytes", "backlog_peers", "delayed_frames", "offers", "peers_with_offers",
      "peers_verified",
    ] {
      #expect(try relay.metric("jm_directory_" + name) == 0, "\(name)")
    }
    return worst
  }
}
