import Foundation
import Glibc
import TestSupport
import Testing

extension ProductTests.Restart {
  /// Whatever fails, the worst result is an ordinary restart, and one line gives the reason.
  @Suite("What can fail")
  final class FailureTests {
    let site: RestartSite
    var running: RelayProcess?
    var peers: [TestPeer] = []
    var faulty: FaultyStore?

    init() throws {
      site = try RestartSite(["SHUTDOWN_GRACE": "30"])
    }

    var relay: RelayProcess {
      guard let running else { preconditionFailure("no relay has been started") }
      return running
    }

    // MARK: Steps

    /// A relay with two makers over TCP and one over the Unix socket.
    func begin() throws {
      running = try site.relay()
      peers = [
        try TestPeer(to: relay, .maker(1)), try TestPeer(to: relay, .maker(2)),
        try TestPeer(to: relay, .maker(3), at: .unix(site.unixPath)),
      ]
    }

    func begin(_ fault: FaultyStore.Fault) throws {
      faulty = try FaultyStore(at: site.storePath, fault)
      try begin()
    }

    /// Stops the relay and expects that everything is in a store.
    func handOver() throws {
      #expect(try relay.stop(within: 40) == 0)
      #expect(relay.handedOver != nil, "\(relay.log)")
    }

    func takeOver(lost: Int = 0) throws {
      running = try site.relay()
      let taken = try #require(relay.takenOver, "\(relay.log)")
      #expect(taken.connections == 3 - lost && taken.lost == lost)
    }

    /// The first peer sends a line. All others receive it and nothing else.
    func expectAllGoOn(_ place: SourceLocation = #_sourceLocation) throws {
      let line = "after the restart"
      try peers[0].sendPublic(line)
      for peer in peers.dropFirst() {
        try peer.expect(Frames.frame(687, "\(peers[0].nick)!PUBLIC!\(line)"), place)
      }
      for peer in peers { try peer.expectNothing(place) }
    }

    func expectAllClosed(_ place: SourceLocation = #_sourceLocation) throws {
      for peer in peers { try peer.expectClosed(within: 30, place) }
    }

    /// Expects a stop without a store: all peers are closed, the log has the reason, the exit code
    /// is 0.
    func expectOrdinaryStop(_ reason: String, _ place: SourceLocation = #_sourceLocation)
      throws
    {
      relay.child.signal(SIGTERM)
      try expectAllClosed(place)
      #expect(try relay.child.waitForExit(within: 40) == 0, sourceLocation: place)
      expectWarning("not handed over: draining and closing instead", reason, place)
    }

    /// Expects that the next relay serves without peers, and that its log has the reason.
    func expectEmptyStart(
      _ text: String, _ reason: String? = nil,
      _ place: SourceLocation = #_sourceLocation
    ) throws {
      running = try site.relay()
      #expect(relay.takenOver == nil, sourceLocation: place)
      if let reason {
        expectWarning(text, reason, place)
      } else {
        #expect(relay.log.contains(text), "\(relay.log)", sourceLocation: place)
      }
      peers = [
        try TestPeer(to: relay, .taker(11)),
        try TestPeer(to: relay, .taker(12), at: .unix(site.unixPath)),
      ]
      try expectAllGoOn(place)
    }

    func expectWarning(_ text: String, _ reason: String, _ place: SourceLocation) {
      let warnings = relay.logLines.filter {
        $0.contains(" handover: ") && !$0.contains(" info ")
          && !$0.contains(" nothing to take over")
      }
      let last = warnings.last ?? ""
      #expect(last.contains(text) && last.contains(reason), "\(relay.log)", sourceLocation: place)
    }

    // MARK: The store

    @Test("no store: the start and the stop are what they are without one")
    func absent() throws {
      try begin()
      expectWarning(
        "nothing is taken over: starting empty", "No such file or directory", #_sourceLocation)
      try expectOrdinaryStop("No such file or directory")
    }

    @Test("a second SIGTERM ends a stop without a hand-over at once")
    func secondSignalWithoutStore() throws {
      try begin()
      let line = Frames.frame(
        685, "\(peers[0].nick)!\(peers[2].nick)!" + String(repeating: "x", count: 50_000))
      for _ in 0..<100 { try peers[0].send(line) }
      try peers[0].expectNothing()
      relay.child.signal(SIGTERM)
      try eventually("it is stopping") { relay.log.contains("relay: stopping") }
      let began = monotonicSeconds()
      relay.child.signal(SIGTERM)
      #expect(try relay.child.waitForExit() == 0)
      #expect(monotonicSeconds() - began < 15)
      #expect(relay.log.contains("stopping at once"))
    }

    @Test("the store dies between stop and start")
    func storeDies() throws {
      let store = try site.store()
      try begin()
      try handOver()
      store.child.signal(SIGKILL)
      try expectAllClosed()
      try expectEmptyStart("nothing is taken over: starting empty", "Connection refused")
    }

    @Test("the store hangs: the relay stops as without a store after its timeout")
    func storeStandsStill() throws {
      let store = try site.store()
      try begin()
      store.child.signal(SIGSTOP)
      try expectOrdinaryStop("does not answer")
      store.child.signal(SIGCONT)
      try expectEmptyStart("nothing to take over")
      try handOver()
      #expect(store.log.contains("discarded") || store.log.contains("holding"))
    }

    @Test("the store dies in the middle of the put", arguments: ["P", "B"] as [Character])
    func storeDiesInPut(at packet: Character) throws {
      try begin(.dies(at: packet))
      try expectOrdinaryStop("does not answer")
      try expectEmptyStart("nothing is taken over: starting empty", "Connection refused")
    }

    @Test("the store dies at the commit: the relay cannot know the result and exits")
    func storeDiesInCommit() throws {
      try begin(.dies(at: "C"))
      #expect(try relay.stop() == 0)
      expectWarning("handed over, but not confirmed", "has not confirmed", #_sourceLocation)
      try expectAllClosed()
      try expectEmptyStart("nothing is taken over: starting empty", "Connection refused")
    }

    @Test("the commit is not answered, but the store has everything: the next relay takes over")
    func silentCommit() throws {
      try begin(.silent(at: "C"))
      try handOver()
      expectWarning("handed over, but not confirmed", "has not confirmed", #_sourceLocation)
      try takeOver()
      try expectAllGoOn()
    }

    @Test("the store dies in the middle of the fetch", arguments: ["F", "K", "D"] as [Character])
    func storeDiesInFetch(at packet: Character) throws {
      try begin()
      faulty = try FaultyStore(at: site.storePath, .dies(at: packet))
      try handOver()
      try expectEmptyStartThenClosed("nothing is taken over: starting empty", "does not answer")
    }

    @Test("the store does not answer the confirmation: everything is closed in the end")
    func silentConfirmation() throws {
      try begin()
      faulty = try FaultyStore(at: site.storePath, .ignores(at: "D"))
      try handOver()
      try expectEmptyStartThenClosed("nothing is taken over: starting empty", "does not answer")
    }

    @Test("a store that hangs holds the listening sockets: the relay exits until the store ends")
    func silentFetch() throws {
      try begin()
      faulty = try FaultyStore(at: site.storePath, .silent(at: "K"))
      try handOver()
      running = try site.relay(isReady: false)
      #expect(try relay.child.waitForExit(within: 40) == 71)
      expectWarning("nothing is taken over: starting empty", "does not answer", #_sourceLocation)
      #expect(relay.logLines.last?.contains("is in use by a running process") == true)
      faulty = nil
      try expectAllClosed()
      try expectEmptyStart("nothing is taken over: starting empty", "Connection refused")
    }

    func expectEmptyStartThenClosed(_ text: String, _ reason: String) throws {
      let old = peers
      try expectEmptyStart(text, reason)
      for peer in old { try peer.expectClosed(within: 30) }
    }

    @Test("the hold time is over")
    func holdTimeOver() throws {
      let store = try site.store(["--hold", "1"])
      try begin()
      try handOver()
      try expectAllClosed()
      try store.waitForLog("nobody came within the hold time")
      try expectEmptyStart("nothing to take over")
    }

    @Test(
      "a server with another protocol is refused in one line",
      arguments: [
        ("E version 2 is spoken here", "version 2 is spoken here"),
        ("HTTP/1.1 400 Bad Request", "does not say what it holds"), ("K", "does not say"),
        ("N", "does not say"), ("E\r\n\u{1B}[31mred", "refuses: "),
      ])
    func otherProtocol(answer: String, reason: String) throws {
      try begin(.answers(answer))
      #expect(relay.log.contains("nothing is taken over: starting empty"))
      #expect(!relay.log.contains("\u{1B}"))
      let lines = relay.logLines.filter { $0.contains(" handover: ") }
      #expect(lines.count == 1 && lines[0].contains(reason))
      relay.child.signal(SIGTERM)
      if answer == "K" {
        // This store accepts everything and keeps nothing.
        #expect(try relay.child.waitForExit() == 0)
        return try expectAllClosed()
      }
      try expectAllClosed()
      #expect(try relay.child.waitForExit() == 0)
      #expect(relay.log.contains("not handed over: draining and closing instead"))
    }

    @Test("a stream socket is not a store")
    func streamSocket() throws {
      let other = try RelayProcess(["LISTEN_UNIX": site.storePath])
      try begin()
      try expectOrdinaryStop("Protocol wrong type for socket")
      #expect(!other.child.hasExited)
    }
  }
}
