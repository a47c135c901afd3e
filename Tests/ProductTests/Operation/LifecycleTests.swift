import Foundation
import Glibc
import Testing

extension ProductTests {
  @Suite("Start, stop and restart")
  struct LifecycleTests {
    @Test(
      "SIGTERM and SIGINT close every connection and end with 0 within the grace",
      arguments: [SIGTERM, SIGINT])
    func stop(signal: Int32) throws {
      let relay = try RelayProcess(["SHUTDOWN_GRACE": "5"])
      let peers = try (1...20).map { try TestPeer(to: relay, .maker($0)) }
      let newPeer = try TestPeer(.tcp(try relay.port))
      let began = monotonicSeconds()
      relay.child.signal(signal)
      // No departures are sent, because all peers are closed.
      for peer in peers + [newPeer] { try peer.expectClosed() }
      #expect(try relay.child.waitForExit() == 0)
      #expect(monotonicSeconds() - began < 5)
      #expect(relay.logLines.last?.hasSuffix("relay: stopped") == true)
    }

    @Test(
      "What a slow reader has not read delays a stop up to the grace; a second signal ends it"
    )
    func secondSignal() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(["SHUTDOWN_GRACE": "60"]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1))
      let slow = try TestPeer(to: relay, .taker(2))
      let line = Frames.frame(
        685, "\(sender.nick)!\(slow.nick)!" + String(repeating: "x", count: 50_000))
      for _ in 0..<100 { try sender.send(line) }
      try sender.expectNothing()
      relay.child.signal(SIGTERM)
      try eventually("it is stopping") { relay.log.contains("relay: stopping") }
      #expect(try HTTP.get("/health", port: relay.statusPort ?? 0).status == 503)
      #expect(relay.child.exitCode == nil)
      let began = monotonicSeconds()
      relay.child.signal(SIGTERM)
      #expect(try relay.child.waitForExit() == 0)
      #expect(monotonicSeconds() - began < 3)
      try slow.expect(line)
    }

    @Test("What was queued before the stop still arrives when it is read")
    func flushing() throws {
      let relay = try RelayProcess(RelayProcess.unlimited)
      let sender = try TestPeer(to: relay, .taker(1))
      let reader = try TestPeer(to: relay, .taker(2))
      let line = Frames.frame(
        685, "\(sender.nick)!\(reader.nick)!" + String(repeating: "x", count: 50_000))
      for _ in 0..<100 { try sender.send(line) }
      try sender.expectNothing()
      relay.child.signal(SIGTERM)
      try eventually("it is stopping") { relay.log.contains("relay: stopping") }
      for _ in 0..<100 { try reader.expect(line) }
      try reader.expectClosed()
      #expect(try relay.child.waitForExit() == 0)
    }

    @Test("Public lines that wait for FANOUT_RATE_LIMIT at the stop still go out")
    func delayed() throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(["FANOUT_RATE_LIMIT": "20", "SHUTDOWN_GRACE": "20"]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1))
      let reader = try TestPeer(to: relay, .taker(2))
      let lines = (0..<60).map { Frames.frame(687, "\(sender.nick)!PUBLIC!\($0)") }
      try sender.send(lines.joined())
      try sender.expectNothing()
      relay.child.signal(SIGTERM)
      try reader.expect(lines)
      try reader.expectClosed()
      #expect(try relay.child.waitForExit() == 0)
    }

    @Test("A port in use gives one line that names the setting, and exit code 71")
    func takenPort() throws {
      let first = try RelayProcess()
      for (setting, port, named) in [
        ("PORT", try first.port, "HOST and PORT"),
        ("HEALTH_CHECK_PORT", first.statusPort ?? 0, "HEALTH_CHECK_HOST and HEALTH_CHECK_PORT"),
      ] {
        let second = try RelayProcess([setting: "\(port)"], isReady: false)
        #expect(try second.child.waitForExit() == 71)
        let errors = second.logLines.filter { $0.contains(" error ") }
        #expect(errors.count == 1)
        #expect(errors.first?.contains(named) == true)
        #expect(errors.first?.contains("\(port)") == true)
      }
      _ = try TestPeer(to: first, .taker(1))
    }

    @Test(
      "A Unix socket that cannot be made gives one line that names LISTEN_UNIX",
      arguments: [
        "missing/relay", "file/relay", "file",
      ])
    func impossibleSocket(name: String) throws {
      let directory = try TemporaryDirectory()
      _ = FileManager.default.createFile(atPath: directory.path + "/file", contents: Data([1]))
      let relay = try RelayProcess(
        ["LISTEN_UNIX": directory.path + "/" + name], isReady: false)
      let code = try relay.child.waitForExit()
      #expect(code == 71 || code == 78)
      let errors = relay.logLines.filter { $0.contains(" error ") }
      #expect(errors.count == 1)
      #expect(errors.first?.contains("LISTEN_UNIX") == true)
      #expect(FileManager.default.contents(atPath: directory.path + "/file") == Data([1]))
    }

    @Test("A Unix socket that another relay listens on is left alone")
    func liveSocket() throws {
      let directory = try TemporaryDirectory()
      let path = directory.path + "/relay"
      let first = try RelayProcess(["LISTEN_UNIX": path])
      let second = try RelayProcess(["LISTEN_UNIX": path], isReady: false)
      #expect(try second.child.waitForExit() == 71)
      #expect(
        second.logLines.filter { $0.contains(" error ") && $0.contains("LISTEN_UNIX") }.count == 1)
      let peer = try TestPeer(to: first, .taker(1), at: .unix(path))
      try peer.expectNothing()
    }

    @Test("The socket file has the configured mode and is removed at the stop")
    func socketFile() throws {
      let directory = try TemporaryDirectory()
      let path = directory.path + "/relay"
      let relay = try RelayProcess(["HOST": "", "LISTEN_UNIX": path, "LISTEN_UNIX_MODE": "0606"])
      var status = stat()
      #expect(lstat(path, &status) == 0)
      #expect(status.st_mode & 0o777 == 0o606)
      #expect(!relay.log.contains("address=127.0.0.1:0"))
      #expect(try relay.stop() == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    }

    @Test(
      "Killed and started again at the same addresses, it serves again and peers reconnect",
      arguments: [true, false])
    func killed(viaUnix: Bool) throws {
      let directory = try TemporaryDirectory()
      let path = directory.path + "/relay"
      let first = try RelayProcess(["LISTEN_UNIX": path])
      let port = try first.port
      let place = viaUnix ? TestSocket.Address.unix(path) : .tcp(port)
      let peers = try (1...50).map { try TestPeer(to: first, .maker($0), at: place) }
      first.child.signal(SIGKILL)
      #expect(try first.child.waitForExit() == 128 + SIGKILL)
      for peer in peers { #expect(throws: (any Error).self) { try peer.nextFrame() } }
      let second = try RelayProcess(["LISTEN_UNIX": path, "PORT": "\(port)"])
      let again = try (1...50).map { try TestPeer(to: second, .maker($0), at: place) }
      try again[0].sendPublic("x")
      for peer in again.dropFirst() {
        try peer.expect(Frames.frame(687, "\(again[0].nick)!PUBLIC!x"))
      }
      let status = try HTTP.get("/status", port: second.statusPort ?? 0).body
      #expect(status.contains("\"active_connections\": 50"))
      #expect(try first.nick != second.nick)
      #expect(try second.stop() == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == [])
    }

    @Test("With DATA_DIR the nick is in a file while the relay runs, and only then")
    func nickFile() throws {
      let directory = try TemporaryDirectory()
      let file = directory.path + "/state/directory.nick"
      let relay = try RelayProcess(["DATA_DIR": directory.path])
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "\(try relay.nick)\n")
      #expect(try relay.stop() == 0)
      #expect(!FileManager.default.fileExists(atPath: file))
      let lost = try RelayProcess(["DATA_DIR": directory.path + "/missing"], isReady: false)
      #expect(try lost.child.waitForExit() == 78)
      #expect(lost.logLines.filter { $0.contains(" error ") && $0.contains("DATA_DIR") }.count == 1)
    }

    @Test("SIGHUP takes the settings that can change from the file, all or none of them")
    func reload() throws {
      let directory = try TemporaryDirectory()
      let file = directory.path + "/settings"
      try "MAX_PEERS=1\n".write(toFile: file, atomically: true, encoding: .utf8)
      let relay = try RelayProcess(arguments: ["--env-file", file])
      let first = try TestPeer(to: relay, .taker(1))
      try "MAX_PEERS=nonsense\nMESSAGE_RATE_LIMIT=1\n".write(
        toFile: file, atomically: true, encoding: .utf8)
      relay.child.signal(SIGHUP)
      try eventually("the fault is logged") { relay.log.contains("reload: no setting is changed") }
      let refused = try TestPeer(.tcp(try relay.port))
      try refused.send(Hello.taker(2).frame)
      try refused.expect(Frames.rejected(by: try relay.nick, "Maximum peers reached: 1"))
      try "MAX_PEERS=2\nHANDSHAKE_TIMEOUT=7\n".write(
        toFile: file, atomically: true, encoding: .utf8)
      relay.child.signal(SIGHUP)
      try eventually("the change is logged") { relay.log.contains("reload: applied") }
      let second = try TestPeer(to: relay, .taker(2))
      for peer in [first, second] { try peer.expectNothing() }
    }

    @Test(
      "Out of descriptors it pauses, warns once, and accepts peers again when others have left",
      .alone)
    func outOfDescriptors() throws {
      let relay = try RelayProcess(limits: Limits(descriptors: 64))
      let port = try relay.port
      // All of them have offers, so none is evicted.
      let makers = try (1...36).map {
        let maker = try TestPeer(to: relay, .maker($0))
        try maker.sendPublic("sw0reloffer 0 1 2 3 4")
        return maker
      }
      try eventually("all have offers") { try relay.metric("jm_directory_offers") == 36 }
      // The kernel queues connections that the relay cannot accept, so each connect succeeds.
      let peers = try (1...60).map { _ in try TestPeer(.tcp(port)) }
      try eventually("it pauses") { relay.log.contains("out of descriptors") }
      let ticks = relay.processorTicks
      pause(seconds: 3)
      // promises.md: under 5 %, in hundredths of a second.
      #expect(relay.processorTicks - ticks < 15, "it spins")
      #expect(relay.logLines.filter { $0.contains("out of descriptors") }.count == 1)
      for peer in makers + peers { peer.close() }
      try eventually("a peer gets in again", within: 15) {
        (try? TestPeer(to: relay, .taker(1))) != nil
      }
    }
  }
}
