/// The relay's health, which decides whether a supervisor restarts it.
import Testing

@testable import EventLoop
@testable import Server
@testable import Service
@testable import Settings
@testable import Status
@testable import Units
@testable import Wire

@Suite("Health", .serialized)
struct HealthTests {
  private let loop: EventLoop
  private let node: DirectoryNode
  private let status: RelayStatus

  init() throws {
    loop = try EventLoop()
    node = DirectoryNode(
      loop: loop, settings: Settings(), nick: try #require(Nick(DirectoryHarness.relayNick)))
    status = RelayStatus(of: node)
  }

  /// Opens a listener that passes its connections to `accept`.
  private func open(_ accept: @escaping Listener.Accept) throws {
    node.acceptGate.add(
      try Listener(on: loop, address: .tcp(host: "127.0.0.1", port: 0), accept: accept))
  }

  @Test("A loop whose tick is more than 5 s late is unhealthy, until a tick is on time")
  func stalled() throws {
    try open { _ in }
    #expect(status.health.isHealthy)
    let now = loop.now
    node.lag.expectTick(at: now + .milliseconds(-4_900))
    #expect(status.health.isHealthy)
    node.lag.expectTick(at: now + .milliseconds(-5_100))
    #expect(status.health.faults == [.stalled])
    // The late tick itself reports that peers have waited.
    node.lag.tick(at: now, next: now + .milliseconds(250))
    #expect(status.health.faults == [.stalled])
    node.lag.tick(at: now + .milliseconds(250), next: now + .milliseconds(500))
    #expect(status.health.isHealthy)
  }

  @Test("A successful probe makes it healthy for 30 s and no longer")
  func served() throws {
    try open { [unowned node] socket in node.accept(socket) }
    let probe = SelfProbe(of: node)
    status.probe = probe.results
    probe.start()
    #expect(loop.turns { probe.results.lastSuccess != nil })
    let success = try #require(probe.results.lastSuccess)
    #expect(status.health.isHealthy)
    #expect(probe.results.isFresh(at: success + .seconds(30)))
    #expect(!probe.results.isFresh(at: success + .milliseconds(30_001)))
    // The probe's connection has ended and is not in the registry.
    #expect(loop.turns { node.directory.registry.connectionCount == 0 })
    probe.stop()
  }

  @Test("A listener that accepts and does not answer makes it unhealthy")
  func unserved() throws {
    try open { _ in }
    let probe = SelfProbe(of: node)
    status.probe = probe.results
    probe.start()
    #expect(loop.turns { probe.results.hasFailed })
    #expect(status.health.faults == [.probeFailed])
    probe.stop()
  }

  @Test("One listener that does not answer is enough, even if the other serves")
  func halfServed() throws {
    try open { [unowned node] socket in node.accept(socket) }
    try open { _ in }
    let probe = SelfProbe(of: node, interval: .milliseconds(20))
    status.probe = probe.results
    probe.start()
    #expect(loop.turns { probe.results.hasFailed && probe.results.lastSuccess != nil })
    #expect(status.health.faults == [.probeFailed])
    probe.stop()
  }

  @Test("Without a listener it is unhealthy")
  func closed() { #expect(status.health.faults == [.notListening]) }
}
