import Foundation
import Glibc
import Testing

extension ProductTests.Restart.FailureTests {
  @Test("the new relay is killed before it has confirmed: the next one takes everything")
  func killedBeforeConfirming() throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .ignores(at: "D"))
    try handOver()
    let killed = try site.relay(isReady: false)
    try eventually("it has fetched", within: 30) {
      FileManager.default.fileExists(atPath: site.storePath + ".waits")
    }
    killed.child.signal(SIGKILL)
    #expect(try killed.child.waitForExit() == 128 + SIGKILL)
    try takeOver()
    try expectAllGoOn()
  }

  @Test("a start that fails leaves everything to the next one")
  func failedStart() throws {
    let store = try site.store()
    let other = try RelayProcess()
    try begin()
    try handOver()
    let failed = try RelayProcess(
      site.settings.merging(["HEALTH_CHECK_PORT": "\(other.statusPort ?? 0)"]) { $1 },
      isReady: false)
    #expect(try failed.child.waitForExit() == 71)
    #expect(failed.logLines.last?.contains("HEALTH_CHECK_PORT") == true)
    try takeOver()
    try expectAllGoOn()
    #expect(!store.child.hasExited)
  }

  @Test("the new relay is killed after it has taken over: an ordinary crash")
  func killedAfterConfirming() throws {
    let store = try site.store()
    try begin()
    try handOver()
    try takeOver()
    relay.child.signal(SIGKILL)
    try expectAllClosed()
    try expectEmptyStart("nothing to take over")
    #expect(!store.child.hasExited)
  }

  @Test("SIGKILL instead of SIGTERM: nothing is handed over")
  func killed() throws {
    let store = try site.store()
    try begin()
    relay.child.signal(SIGKILL)
    try expectAllClosed()
    try expectEmptyStart("nothing to take over")
    #expect(!store.log.contains("holding 1"))
  }

  @Test("a second SIGTERM while the store is slow changes nothing")
  func secondSignal() throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .slow(at: "B"))
    relay.child.signal(SIGTERM)
    try eventually("the put is under way", within: 30) {
      FileManager.default.fileExists(atPath: site.storePath + ".waits")
    }
    relay.child.signal(SIGTERM)
    relay.child.signal(SIGHUP)
    _ = FileManager.default.createFile(atPath: site.storePath + ".go", contents: nil)
    #expect(try relay.child.waitForExit() == 0)
    #expect(relay.handedOver != nil, "\(relay.log)")
    try takeOver()
    try expectAllGoOn()
  }

  @Test("a standstill during the put counts for none of the store's time")
  func standstill() throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .slow(at: "P"))
    relay.child.signal(SIGTERM)
    try eventually("the put is under way", within: 30) {
      FileManager.default.fileExists(atPath: site.storePath + ".waits")
    }
    relay.child.signal(SIGSTOP)
    try eventually("it is stopped") { relay.child.isStopped }
    // Longer than all answers of a store may take.
    pause(seconds: 11)
    _ = FileManager.default.createFile(atPath: site.storePath + ".go", contents: nil)
    relay.child.signal(SIGCONT)
    #expect(try relay.child.waitForExit(within: 20) == 0)
    #expect(relay.handedOver != nil, "\(relay.log)")
    try takeOver()
    try expectAllGoOn()
  }

  @Test("signals during a takeover wait until the relay can hand over again")
  func signalsDuringStart() throws {
    try begin()
    faulty = try FaultyStore(at: site.storePath, .slow(at: "D"))
    try handOver()
    running = try site.relay(isReady: false)
    try eventually("it has fetched", within: 30) {
      FileManager.default.fileExists(atPath: site.storePath + ".waits")
    }
    for signal in [SIGHUP, SIGUSR1, SIGTERM] { relay.child.signal(signal) }
    _ = FileManager.default.createFile(atPath: site.storePath + ".go", contents: nil)
    #expect(try relay.child.waitForExit(within: 40) == 0)
    #expect(relay.takenOver?.connections == 3)
    // Its self-probe may be connected at the stop, and is not restored.
    #expect((relay.handedOver?.connections ?? 0) >= 3)
    running = try site.relay()
    #expect(relay.takenOver?.lost == 0)
    try expectAllGoOn()
  }

  @Test("of two relays started at once, one takes over")
  func twoRelays() throws {
    let store = try site.store()
    try begin()
    try handOver()
    let relays = [try site.relay(isReady: false), try site.relay(isReady: false)]
    try eventually("one has ended", within: 40) { relays.contains { $0.child.hasExited } }
    let loser = try #require(relays.first { $0.child.hasExited })
    running = relays.first { $0 !== loser }
    #expect(loser.child.exitCode == 71)
    #expect(loser.log.contains("nothing to take over") && loser.log.contains("LISTEN_UNIX"))
    try relay.waitUntilItServes { relay.statusPort }
    #expect(relay.takenOver?.connections == 3)
    try expectAllGoOn()
    #expect(!store.child.hasExited)
  }
}
