/// Finding the dead (protocol.md §7) on a fake clock.
import Testing

@testable import Directory
@testable import Units

@Suite("Heartbeat")
struct HeartbeatTests {
  let stage = DirectoryHarness()

  @Test("each kind of peer is asked with what it answers, between 600 and 660 s of silence")
  func kinds() {
    let modern = stage.join(DirectoryHarness.nick(1), ["ping"])
    let maker = stage.join(DirectoryHarness.nick(2), at: "a.test:1")
    let both = stage.join(DirectoryHarness.nick(3), at: "a.test:2", ["ping"])
    let announcer = stage.join(DirectoryHarness.nick(4))
    stage.say(687, "\(DirectoryHarness.nick(4))!PUBLIC!reloffer 0", from: announcer)
    let watcher = stage.join(DirectoryHarness.nick(5))
    stage.forgetAll()
    stage.wait(.seconds(600))
    for id in [modern, maker, both, announcer, watcher] { #expect(stage.read(id).isEmpty) }
    // Keeps them from being evicted before the last of them is asked.
    stage.directory.limits.pongWait = .seconds(120)
    stage.wait(.seconds(61))
    #expect(
      stage.read(modern) == [DirectoryHarness.ping] && stage.read(both) == [DirectoryHarness.ping])
    #expect(
      stage.read(maker) == [DirectoryHarness.probe]
        && stage.read(announcer) == [DirectoryHarness.probe])
    #expect(stage.read(watcher).isEmpty)
    #expect(stage.directory.counters.probesSent == 4)
  }

  private func isAsked(_ id: PeerID, within time: Duration = .seconds(120)) -> Bool {
    let end = stage.now + time
    while stage.now < end {
      stage.pass(.milliseconds(250))
      if !stage.read(id).isEmpty { return true }
    }
    return false
  }

  @Test("no frame within 30 s of the question: evicted, and the others hear of it")
  func silence() {
    let maker = stage.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    stage.skip(.seconds(601))
    let reader = stage.join(DirectoryHarness.nick(2))
    #expect(isAsked(maker))
    stage.pass(.milliseconds(29_999))
    #expect(stage.isHere(maker))
    stage.pass(.milliseconds(1))
    #expect(stage.endings[maker] == .pongTimeout)
    #expect(
      stage.read(reader) == [DirectoryHarness.frame(789, "\(DirectoryHarness.nick(1));a.test:1;D")])
  }

  @Test(
    "any frame counts as activity",
    arguments: [
      (799, ""), (798, ""), (791, ""), (793, ""), (687, "nonsense"), (685, "x!y!z"), (797, ""),
      (9_999, ""),
    ])
  func activity(_ code: Int, _ line: String) {
    let id = stage.join(DirectoryHarness.nick(1), ["ping"])
    stage.skip(.seconds(601))
    #expect(isAsked(id))
    stage.pass(.seconds(29))
    stage.say(code, line, from: id)
    stage.forgetAll()
    stage.wait(.seconds(590))
    #expect(stage.isHere(id) && stage.read(id).isEmpty)
    #expect(isAsked(id))
  }

  @Test("a frame over the rate limit counts as activity, too")
  func droppedLife() {
    let id = stage.join(DirectoryHarness.nick(1), ["ping"])
    stage.directory.limits.messages = Rate(count: 1, per: .seconds(100_000), burst: 1)
    stage.say(798, "", from: id)
    stage.skip(.seconds(601))
    stage.forgetAll()
    #expect(isAsked(id))
    stage.say(799, "", from: id)
    #expect(stage.dropped(.rate) == 1)
    stage.wait(.seconds(60))
    #expect(stage.isHere(id))
  }

  @Test("a shorter wait holds for those who were asked before it, too")
  func shorterWait() {
    let id = stage.join(DirectoryHarness.nick(1), ["ping"])
    stage.skip(.seconds(601))
    #expect(isAsked(id))
    stage.directory.limits.pongWait = .seconds(5)
    stage.wait(.seconds(6))
    #expect(stage.endings[id] == .pongTimeout)
  }

  @Test(
    "a peer that is asked and stays silent past 1,500 s goes, however long it may take to answer")
  func hardEvict() {
    stage.directory.limits.pongWait = .seconds(100_000)
    let peer = stage.join(DirectoryHarness.nick(1), ["ping"])
    stage.wait(.seconds(1_500))
    #expect(stage.isHere(peer))
    stage.wait(.seconds(61))
    #expect(stage.endings[peer] == .idle)
  }

  @Test("a peer that speaks is never asked")
  func busy() {
    let id = stage.join(DirectoryHarness.nick(1), ["ping"])
    for _ in 0..<10 {
      stage.wait(.seconds(599))
      stage.say(799, "", from: id)
      #expect(stage.read(id).isEmpty)
    }
    #expect(stage.directory.counters.probesSent == 0)
  }

  @Test("a later question is not cut short by an earlier one that was answered")
  func laterQuestion() {
    stage.directory.limits.idleThreshold = .seconds(25)
    stage.directory.limits.sweepInterval = .milliseconds(250)
    let id = stage.join(DirectoryHarness.nick(1), ["ping"])
    stage.skip(.seconds(25))
    #expect(isAsked(id))
    stage.say(799, "", from: id)
    #expect(isAsked(id))
    // Past the time of the first question, not of the second.
    stage.wait(.seconds(20))
    #expect(stage.isHere(id))
    stage.wait(.seconds(10))
    #expect(stage.endings[id] == .pongTimeout)
  }

  @Test("questions and evictions spread over the interval: no tick has more than its share")
  func spread() {
    var limits = Limits()
    limits.peers = 10_000
    let stage = DirectoryHarness(limits: limits)
    let count = 2_400
    let ids = (0..<count).map { stage.join(DirectoryHarness.nick($0), $0 % 2 == 0 ? ["ping"] : []) }
    stage.directory.limits.pongWait = .seconds(100)
    stage.skip(.seconds(601))
    stage.pass(.zero)
    stage.forgetAll()
    // The tick after the pause may do a whole interval's work; those after it, 250 ms' worth: a
    // 240th.
    var most = 0
    for _ in 0..<240 {
      let before = stage.directory.counters.probesSent
      stage.pass(.milliseconds(250))
      most = max(most, stage.directory.counters.probesSent - before)
    }
    #expect(most <= count / 240 + 1)
    #expect(stage.directory.counters.probesSent == count / 2)
    // Those that can be asked go now; the others stay.
    stage.directory.limits.pongWait = .seconds(100_000)
    stage.skip(.seconds(900))
    stage.directory.heartbeat = Heartbeat(at: stage.now)
    var closed = stage.closed.count
    for _ in 0..<240 {
      stage.pass(.milliseconds(250))
      #expect(stage.closed.count - closed <= count / 240 + 1)
      closed = stage.closed.count
    }
    for (number, id) in ids.enumerated() { #expect(stage.isHere(id) == (number % 2 == 1)) }
    #expect(stage.directory.registry.evictableCount == count / 2)
  }
}
