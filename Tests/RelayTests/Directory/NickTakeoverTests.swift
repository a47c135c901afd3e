/// A nick already taken (protocol.md §3.1), with its races.
import Testing

@testable import Directory

@Suite("A nick already taken")
struct ChallengeTests {
  let stage = DirectoryHarness()
  static let nick = DirectoryHarness.nick(1)
  static let taken = DirectoryHarness.reply(
    accepted: false, "Rejected: Peer nick already registered: \(nick)")
  static let welcome = DirectoryHarness.reply(accepted: true, "hello")
  static let left = DirectoryHarness.frame(789, "\(nick);old.test:1;D")

  private func claim(_ features: [String] = []) throws -> PeerID {
    let id = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(Self.nick, at: "new.test:1", features), from: id)
    return id
  }

  private func holder(_ features: [String] = ["ping"]) -> PeerID {
    stage.join(Self.nick, at: "old.test:1", features)
  }

  @Test(
    "a silent holder loses its nick after 10 s, everyone hears, and the pending connection is in")
  func silence() throws {
    let old = holder()
    let reader = stage.join(DirectoryHarness.nick(2))
    let new = try claim()
    #expect(stage.read(old) == [DirectoryHarness.ping] && stage.held == [new])
    #expect(stage.read(new).isEmpty)
    stage.wait(.milliseconds(9_999))
    #expect(stage.isHere(old) && stage.read(new).isEmpty)
    stage.pass(.milliseconds(1))
    #expect(stage.endings[old] == .displaced && stage.resumed == [new] && stage.held.isEmpty)
    #expect(stage.read(new) == [Self.welcome] && stage.read(reader) == [Self.left])
    stage.say(685, "\(DirectoryHarness.nick(2))!\(Self.nick)!x", from: reader)
    #expect(stage.read(new).count == 1)
    stage.wait(.seconds(40))
    #expect(stage.isHere(new))
  }

  @Test("a maker without ping is asked for its offers")
  func makersProbe() throws {
    let old = holder([])
    _ = try claim()
    #expect(stage.read(old) == [DirectoryHarness.probe])
  }

  @Test(
    "a holder that answers keeps its nick, and the pending connection is told",
    arguments: [799, 687, 798, 9])
  func answer(_ code: Int) throws {
    let old = holder()
    let new = try claim()
    stage.wait(.milliseconds(9_999))
    stage.say(code, "x", from: old)
    #expect(stage.read(new) == [Self.taken])
    #expect(stage.endings[new] == .rejected && stage.flushed.contains(new))
    stage.wait(.seconds(60))
    #expect(stage.isHere(old) && stage.directory.takeovers.count == 0)
  }

  @Test("a holder that cannot be asked keeps its nick")
  func cannotBeAsked() throws {
    let old = stage.join(Self.nick)
    let new = try claim()
    #expect(stage.read(new) == [Self.taken] && stage.read(old).isEmpty && stage.isHere(old))
  }

  @Test("the pending connection leaves first: the holder stays, and may be silent again")
  func newcomerLeaves() throws {
    let old = holder()
    let new = try claim()
    stage.leave(new)
    stage.wait(.seconds(60))
    #expect(stage.isHere(old) && stage.directory.takeovers.count == 0)
    #expect(stage.directory.pending.requestCount == 0)
  }

  @Test("the holder leaves first: the pending connection is in at once", arguments: [true, false])
  func holderLeaves(_ saysSo: Bool) throws {
    let old = holder()
    let reader = stage.join(DirectoryHarness.nick(2))
    let new = try claim()
    stage.wait(.seconds(1))
    stage.forgetAll()
    if saysSo { stage.say(801, "", from: old) } else { stage.leave(old) }
    #expect(stage.read(new) == [Self.welcome])
    #expect(stage.read(reader) == [Self.left] && stage.directory.takeovers.count == 0)
  }

  @Test("the holder answers too late: it is gone, and its frame goes nowhere")
  func lateAnswer() throws {
    let old = holder()
    let new = try claim()
    stage.pass(.seconds(10))
    stage.forgetAll()
    stage.say(687, "\(Self.nick)!PUBLIC!x", from: old)
    #expect(stage.read(new).isEmpty && stage.isHere(new))
  }

  @Test("of two pending connections the second is turned away, and so is a third within 30 s")
  func twoNewcomers() throws {
    let old = holder()
    let first = try claim()
    let second = try claim()
    #expect(stage.read(old) == [DirectoryHarness.ping] && stage.read(second) == [Self.taken])
    stage.say(799, "", from: old)
    #expect(stage.read(first) == [Self.taken])
    stage.wait(.milliseconds(29_999))
    let third = try claim()
    #expect(stage.read(third) == [Self.taken] && stage.read(old).isEmpty)
    stage.wait(.milliseconds(1))
    let fourth = try claim()
    #expect(stage.read(fourth).isEmpty && stage.read(old) == [DirectoryHarness.ping])
  }

  @Test("a pending connection whose own time is over goes, and the holder stays")
  func claimantsTime() throws {
    let old = holder()
    stage.wait(.milliseconds(1))
    let new = try #require(stage.connect())
    stage.wait(.seconds(25))
    stage.say(793, DirectoryHarness.handshake(Self.nick), from: new)
    stage.wait(.milliseconds(4_999))
    #expect(stage.isHere(new))
    stage.pass(.milliseconds(1))
    #expect(stage.read(new) == [Self.taken] && stage.endings[new] == .rejected)
    stage.wait(.seconds(60))
    #expect(stage.isHere(old) && stage.directory.takeovers.count == 0)
  }

  @Test("a pending connection during shutdown is rejected, even if its nick is held")
  func shutdown() throws {
    let old = holder()
    let waiting = try claim()
    stage.directory.stop()
    let late = try claim()
    #expect(
      stage.read(late) == [
        DirectoryHarness.reply(accepted: false, "Rejected: the directory is stopping")
      ])
    stage.leave(old, .shutdown)
    #expect(
      stage.read(waiting) == [
        DirectoryHarness.reply(accepted: false, "Rejected: the directory is stopping")
      ])
    #expect(stage.directory.registry.isEmpty)
  }

  @Test("places that are gone meanwhile: the pending connection is told that all are taken")
  func fullMeanwhile() throws {
    let old = holder()
    stage.join(DirectoryHarness.nick(2))
    let new = try claim()
    stage.directory.limits.peers = 1
    stage.leave(old)
    #expect(
      stage.read(new) == [
        DirectoryHarness.reply(accepted: false, "Rejected: Maximum peers reached: 1")
      ])
  }

  @Test("a full directory still gives a dead peer's place to its return")
  func returnWhenFull() throws {
    stage.directory.limits.peers = 1
    let old = holder()
    let new = try claim()
    stage.wait(.seconds(10))
    #expect(!stage.isHere(old) && stage.read(new) == [Self.welcome])
  }

  @Test("what a waiting pending connection sends is not acted on")
  func waitingIsQuiet() throws {
    let old = holder()
    let new = try claim()
    stage.forgetAll()
    stage.say(687, "\(Self.nick)!PUBLIC!x", from: new)
    stage.say(798, "", from: new)
    #expect(stage.read(old).isEmpty && stage.read(new).isEmpty && stage.isHere(new))
  }

  @Test("a challenge's question and the heartbeat's do not get in each other's way")
  func heartbeatToo() throws {
    let old = holder()
    stage.skip(.seconds(601))
    let new = try claim()
    stage.wait(.seconds(5))
    stage.say(799, "", from: old)
    stage.wait(.seconds(120))
    #expect(stage.isHere(old) && !stage.isHere(new))
  }
}
