import Glibc
import Testing

extension ProductTests {
  /// Tests of hot restarts with processes: a store, one relay after the other, and peers that
  /// notice only a pause. RelayTests has single states of a connection (HandoverTests) and the
  /// state image (StateImage).
  @Suite("Hot restart")
  struct Restart {}
}

/// A store, and relays that replace each other at the same addresses.
final class RestartSite {
  let directory: TemporaryDirectory
  let settings: [String: String]
  var unixPath: String { directory.path + "/relay" }
  var storePath: String { directory.path + "/store" }

  init(_ settings: [String: String] = [:]) throws {
    directory = try TemporaryDirectory()
    self.settings = RelayProcess.unlimited.merging(
      [
        "LISTEN_UNIX": directory.path + "/relay", "FD_STORE": directory.path + "/store",
        "SHUTDOWN_GRACE": "2", "PEER_BACKLOG_SOFT_TIME": "3600", "MAX_PEER_BACKLOG": "256MiB",
        "MESSAGE_BURST_LIMIT": "10000000",
      ]
    ) { $1 }.merging(settings) { $1 }
  }

  func store(_ arguments: [String] = []) throws -> StoreProcess {
    try StoreProcess(at: storePath, arguments)
  }

  func relay(isReady: Bool = true) throws -> RelayProcess {
    try RelayProcess(settings, isReady: isReady)
  }
}

extension ProductTests.Restart {
  @Suite("Every line once and in order")
  struct LinesTests {
    @Test("Five restarts under load: 200 peers notice only a pause")
    func fiveRestarts() throws {
      let site = try RestartSite()
      let store = try site.store()
      let descriptors = store.descriptorCount
      var relay = try site.relay()
      let (nick, port) = (try relay.nick, try relay.port)
      let load = try RestartLoad(.init(), to: relay, unix: site.unixPath)
      for round in 1...5 {
        try talk(load, steps: 30)
        relay.child.signal(SIGTERM)
        try step(load, "the relay ends") { relay.child.hasExited }
        #expect(relay.child.exitCode == 0)
        let left = try #require(relay.handedOver)
        // The slow readers' backlogs are part of the image.
        #expect(left.bytes > 500_000, "in round \(round)")
        try talk(load, steps: 10)
        // No connection is refused meanwhile.
        try load.connectNewcomer(.tcp(port))
        try load.connectNewcomer(.unix(site.unixPath))
        relay = try site.relay(isReady: false)
        try step(load, "it is taken over; log: \(relay.log)") { relay.takenOver != nil }
        let taken = try #require(relay.takenOver)
        #expect(taken.connections == left.connections && taken.lost == 0)
        try relay.waitUntilItServes { relay.statusPort }
        #expect(try relay.nick == nick && relay.port == port)
        try load.expectNewcomers(by: nick)
      }
      try talk(load, steps: 30)
      load.everyoneReads()
      try load.settle(within: 240)
      // The store has only its own descriptors open.
      try eventually("the store is empty") { store.descriptorCount <= descriptors }
      #expect(try relay.metric("jm_directory_backlog_peers") == 0)
    }

    private func talk(_ load: RestartLoad, steps: Int) throws {
      for _ in 0..<steps {
        load.sendPublic()
        for _ in 0..<4 { load.sendPrivate() }
        load.sendToSlowReaders()
        try load.step()
      }
    }

    private func step(
      _ load: RestartLoad, _ what: @autoclosure () -> String, until condition: () throws -> Bool
    ) throws {
      let deadline = monotonicSeconds() + 60
      while try !condition() {
        guard monotonicSeconds() < deadline else { throw TestFailure("not in time: \(what())") }
        try load.step()
      }
    }
  }
}

extension RelayProcess {
  /// The figures of the stop, from the log.
  var handedOver: (connections: Int, bytes: Int)? {
    guard let line = logLines.first(where: { $0.contains(" handed over ") }),
      let connections = number("connections", in: line), let bytes = number("bytes", in: line)
    else { return nil }
    return (connections, bytes)
  }

  /// The figures of the takeover, from the log.
  var takenOver: (connections: Int, lost: Int, milliseconds: Int)? {
    guard let line = logLines.first(where: { $0.contains(" taken over ") }),
      let connections = number("connections", in: line), let lost = number("lost", in: line),
      let milliseconds = number("pause_milliseconds", in: line)
    else { return nil }
    return (connections, lost, milliseconds)
  }

  private func number(_ name: String, in line: String) -> Int? {
    line.firstRange(of: " \(name)=").flatMap { found in
      Int(line[found.upperBound...].prefix { $0.isNumber })
    }
  }
}
