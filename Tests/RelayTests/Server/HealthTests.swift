/// When the relay calls itself healthy: what it says decides whether it is restarted.
import Testing

@testable import Relay

@Suite("Health", .serialized)
struct HealthTests {
  private let loop: EventLoop
  private let node: DirectoryNode

  init() throws {
    loop = try EventLoop()
    node = DirectoryNode(
      loop: loop, settings: Settings(), nick: try #require(Nick(Stage.relayNick)))
  }

  /// Opens a door behind which `accept` stands.
  private func open(_ accept: @escaping Listener.Accept) throws {
    node.add(try Listener(on: loop, address: .tcp(host: "127.0.0.1", port: 0), accept: accept))
  }

  @Test("A loop whose tick is more than 5 s late is unhealthy, until a tick comes in time")
  func stalled() throws {
    try open { Listener.closeDescriptor($0) }
    #expect(node.health.isHealthy)
    let now = loop.now
    node.lag.expectTick(at: now + .milliseconds(-4_900))
    #expect(node.health.isHealthy)
    node.lag.expectTick(at: now + .milliseconds(-5_100))
    #expect(node.health.faults == [.stalled])
    // The late tick itself tells that peers have waited.
    node.lag.tick(at: now, next: now + .milliseconds(250))
    #expect(node.health.faults == [.stalled])
    node.lag.tick(at: now + .milliseconds(250), next: now + .milliseconds(500))
    #expect(node.health.isHealthy)
  }

  @Test("A probe that was served makes it healthy, for 30 s and no longer")
  func served() throws {
    try open { [unowned node] in node.accept($0) }
    let probe = SelfProbe(of: node)
    node.probe = probe
    probe.start()
    #expect(loop.turns { probe.lastSuccess != nil })
    let success = try #require(probe.lastSuccess)
    #expect(node.health.isHealthy)
    #expect(probe.isFresh(at: success + .seconds(30)))
    #expect(!probe.isFresh(at: success + .milliseconds(30_001)))
    // It is no peer, and it has left.
    #expect(loop.turns { node.directory.registry.connectionCount == 0 })
    probe.stop()
  }

  @Test("A door behind which nobody answers is unhealthy although it stands open")
  func unserved() throws {
    try open { Listener.closeDescriptor($0) }
    let probe = SelfProbe(of: node)
    node.probe = probe
    probe.start()
    #expect(loop.turns { probe.hasFailed })
    #expect(node.health.faults == [.probeFailed])
    probe.stop()
  }

  @Test("One door behind which nobody answers is enough, however well the other serves")
  func halfServed() throws {
    try open { [unowned node] in node.accept($0) }
    try open { Listener.closeDescriptor($0) }
    let probe = SelfProbe(of: node, interval: .milliseconds(20))
    node.probe = probe
    probe.start()
    #expect(loop.turns { probe.hasFailed && probe.lastSuccess != nil })
    #expect(node.health.faults == [.probeFailed])
    probe.stop()
  }

  @Test("Without a door it is unhealthy")
  func closed() { #expect(node.health.faults == [.notListening]) }
}
