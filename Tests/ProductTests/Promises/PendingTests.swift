import Glibc
import Testing

extension ProductTests {
  /// promises.md: pre-handshake connections are cheap, capped, closed in time, and never displace a
  /// peer.
  @Suite("5,000 connections without a handshake")
  struct PendingTests {
    private let start = Array(#"{"type": 793, "line": "{\"app-name\": \"joinmarket\""#.utf8)

    /// Opens 5,000 connections and sends nothing.
    private func many(_ port: UInt16) throws -> [TestSocket] {
      raiseDescriptorLimit()
      return try (0..<5_000).map { _ in try TestSocket(.tcp(port)) }
    }

    @Test("Silent or trickling, each costs less than 2 KiB and is closed in its time")
    func memory() throws {
      let relay = try RelayProcess(["MAX_PENDING": "5000", "HANDSHAKE_TIMEOUT": "20"])
      let peer = try TestPeer(to: relay, .taker(1))
      let before = relay.heapBytes
      let many = try many(try relay.port)
      try eventually("all are taken") {
        try relay.metric("jm_directory_pending_connections") >= 4_999
      }
      for byte in start {
        for number in stride(from: 1, to: many.count, by: 2) {
          _ = many[number].sendSome([byte])
        }
        try peer.expectNothing()
      }
      let each = (relay.heapBytes - before) / many.count
      print("5,000 pending connections: \(each) bytes of memory each")
      #expect(each < 2_048)
      for socket in many {
        guard try socket.receive(within: 30) == nil else { throw TestFailure("an answer") }
      }
      try peer.expectNothing()
    }

    @Test("With 1,000 places for them peers notice nothing, and an honest peer gets in", .alone)
    func places() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(["HANDSHAKE_TIMEOUT": "3", "MAX_PENDING": "1000"]) { $1 })
      let peer = try TestPeer(to: relay, .taker(1))
      var worst = 0.0
      let many = try many(try relay.port)
      let began = monotonicSeconds()
      var honest: TestPeer?
      while honest == nil {
        let sent = monotonicSeconds()
        try peer.expectNothing()
        worst = max(worst, monotonicSeconds() - sent)
        honest = try? TestPeer(to: relay, .taker(2))
        guard monotonicSeconds() < began + 15 else { throw TestFailure("nobody gets in") }
      }
      print(
        "5,000 connections, 1,000 places: in after "
          + "\(monotonicSeconds() - began) s, slowest PING \(worst * 1000) ms"
      )
      #expect(worst < 0.5)
      #expect(try relay.closed("evicted") >= 4_000)
      try peer.expectNothing()
      try honest?.expectNothing()
      withExtendedLifetime(many) {}
    }
  }
}

/// Raises the descriptor limit to the most that the system allows.
@discardableResult
func raiseDescriptorLimit() -> Int {
  var limit = rlimit()
  let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  guard getrlimit(files, &limit) == 0 else { return 0 }
  limit.rlim_cur = limit.rlim_max
  setrlimit(files, &limit)
  return Int(clamping: limit.rlim_cur)
}
