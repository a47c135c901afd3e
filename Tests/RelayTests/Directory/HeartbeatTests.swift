/// The heartbeat (protocol.md §7) on a fake clock.
import Testing

@testable import Directory
@testable import Units

@Suite("Heartbeat")
struct HeartbeatTests {
  let harness = DirectoryHarness()

  @Test("each kind of peer gets a probe that it answers, after 600 to 660 s of silence")
  func kinds() {
    let modern = harness.join(DirectoryHarness.nick(1), ["ping"])
    let maker = harness.join(DirectoryHarness.nick(2), at: "a.test:1")
    let both = harness.join(DirectoryHarness.nick(3), at: "a.test:2", ["ping"])
    let announcer = harness.join(DirectoryHarness.nick(4))
    harness.send(687, "\(DirectoryHarness.nick(4))!PUBLIC!reloffer 0", from: announcer)
    let watcher = harness.join(DirectoryHarness.nick(5))
    harness.forgetAll()
    harness.wait(.seconds(600))
    for id in [modern, maker, both, announcer, watcher] { #expect(harness.read(id).isEmpty) }
    // Prevents evictions before the last peer is probed.
    harness.directory.limits.pongWait = .seconds(120)
    harness.wait(.seconds(61))
    #expect(
      harness.read(modern) == [DirectoryHarness.ping]
        && harness.read(both) == [DirectoryHarness.ping])
    #expect(
      harness.read(maker) == [DirectoryHarness.probe]
        && harness.read(announcer) == [DirectoryHarness.probe])
    #expect(harness.read(watcher).isEmpty)
    #expect(harness.directory.counters.probesSent == 4)
  }

  private func isAsked(_ id: PeerID, within time: Duration = .seconds(120)) -> Bool {
    let end = harness.now + time
    while harness.now < end {
      harness.pass(.milliseconds(250))
      if !harness.read(id).isEmpty { return true }
    }
    return false
  }

  @Test("a peer without a frame within 30 s of the probe is evicted, and its D entry is sent")
  func silence() {
    let maker = harness.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    harness.skip(.seconds(601))
    let reader = harness.join(DirectoryHarness.nick(2))
    #expect(isAsked(maker))
    harness.pass(.milliseconds(29_999))
    #expect(harness.isHere(maker))
    harness.pass(.milliseconds(1))
    #expect(harness.endings[maker] == .pongTimeout)
    #expect(
      harness.read(reader) == [
        DirectoryHarness.frame(789, "\(DirectoryHarness.nick(1));a.test:1;D")
      ])
  }

  @Test(
    "any frame counts as activity",
    arguments: [
      (799, ""), (798, ""), (791, ""), (793, ""), (687, "nonsense"), (685, "x!y!z"), (797, ""),
      (9_999, ""),
    ])
  func activity(_ code: Int, _ line: String) {
    let id = harness.join(DirectoryHarness.nick(1), ["ping"])
    harness.skip(.seconds(601))
    #expect(isAsked(id))
    harness.pass(.seconds(29))
    harness.send(code, line, from: id)
    harness.forgetAll()
    harness.wait(.seconds(590))
    #expect(harness.isHere(id) && harness.read(id).isEmpty)
    #expect(isAsked(id))
  }

  @Test("a frame over the rate limit counts as activity, too")
  func droppedLife() {
    let id = harness.join(DirectoryHarness.nick(1), ["ping"])
    harness.directory.limits.messages = Rate(count: 1, per: .seconds(100_000), burst: 1)
    harness.send(798, "", from: id)
    harness.skip(.seconds(601))
    harness.forgetAll()
    #expect(isAsked(id))
    harness.send(799, "", from: id)
    #expect(harness.dropped(.rate) == 1)
    harness.wait(.seconds(60))
    #expect(harness.isHere(id))
  }

  @Test("a shorter timeout also applies to probes that were sent before the change")
  func shorterWait() {
    let id = harness.join(DirectoryHarness.nick(1), ["ping"])
    harness.skip(.seconds(601))
    #expect(isAsked(id))
    harness.directory.limits.pongWait = .seconds(5)
    harness.wait(.seconds(6))
    #expect(harness.endings[id] == .pongTimeout)
  }

  @Test(
    "a probed peer that is silent for over 1,500 s is evicted, however long the probe's timeout")
  func hardEvict() {
    harness.directory.limits.pongWait = .seconds(100_000)
    let peer = harness.join(DirectoryHarness.nick(1), ["ping"])
    harness.wait(.seconds(1_500))
    #expect(harness.isHere(peer))
    harness.wait(.seconds(61))
    #expect(harness.endings[peer] == .idle)
  }

  @Test("a peer that sends frames is never probed")
  func busy() {
    let id = harness.join(DirectoryHarness.nick(1), ["ping"])
    for _ in 0..<10 {
      harness.wait(.seconds(599))
      harness.send(799, "", from: id)
      #expect(harness.read(id).isEmpty)
    }
    #expect(harness.directory.counters.probesSent == 0)
  }

  @Test("an earlier probe that was answered does not shorten the time of a later one")
  func laterQuestion() {
    harness.directory.limits.idleThreshold = .seconds(25)
    harness.directory.limits.sweepInterval = .milliseconds(250)
    let id = harness.join(DirectoryHarness.nick(1), ["ping"])
    harness.skip(.seconds(25))
    #expect(isAsked(id))
    harness.send(799, "", from: id)
    #expect(isAsked(id))
    // The time of the first probe is over, that of the second is not.
    harness.wait(.seconds(20))
    #expect(harness.isHere(id))
    harness.wait(.seconds(10))
    #expect(harness.endings[id] == .pongTimeout)
  }

  @Test("probes and evictions are spread over the interval: no tick has more than its share")
  func spread() {
    var limits = Limits()
    limits.peers = 10_000
    let harness = DirectoryHarness(limits: limits)
    let count = 2_400
    let ids = (0..<count).map {
      harness.join(DirectoryHarness.nick($0), $0 % 2 == 0 ? ["ping"] : [])
    }
    harness.directory.limits.pongWait = .seconds(100)
    harness.skip(.seconds(601))
    harness.pass(.zero)
    harness.forgetAll()
    // The tick after the pause may do the work of a whole interval. Each later tick may do that of
    // 250 ms: a 240th.
    var most = 0
    for _ in 0..<240 {
      let before = harness.directory.counters.probesSent
      harness.pass(.milliseconds(250))
      most = max(most, harness.directory.counters.probesSent - before)
    }
    #expect(most <= count / 240 + 1)
    #expect(harness.directory.counters.probesSent == count / 2)
    // Peers that can be probed are evicted now; the others stay.
    harness.directory.limits.pongWait = .seconds(100_000)
    harness.skip(.seconds(900))
    harness.directory.heartbeat = Heartbeat(at: harness.now)
    var closed = harness.closed.count
    for _ in 0..<240 {
      harness.pass(.milliseconds(250))
      #expect(harness.closed.count - closed <= count / 240 + 1)
      closed = harness.closed.count
    }
    for (number, id) in ids.enumerated() { #expect(harness.isHere(id) == (number % 2 == 1)) }
    #expect(harness.directory.registry.evictableCount == count / 2)
  }
}
