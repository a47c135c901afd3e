/// A nick already taken (protocol.md §3.1), with its races.
import Testing

@testable import Directory

@Suite("A nick already taken")
struct ChallengeTests {
  let harness = DirectoryHarness()
  static let nick = DirectoryHarness.nick(1)
  static let taken = DirectoryHarness.reply(
    accepted: false, "Rejected: Peer nick already registered: \(nick)")
  static let welcome = DirectoryHarness.reply(accepted: true, "hello")
  static let left = DirectoryHarness.frame(789, "\(nick);old.test:1;D")

  private func claim(_ features: [String] = []) throws -> PeerID {
    let id = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(Self.nick, at: "new.test:1", features), from: id)
    return id
  }

  private func holder(_ features: [String] = ["ping"]) -> PeerID {
    harness.join(Self.nick, at: "old.test:1", features)
  }

  @Test(
    "a silent holder loses its nick after 10 s, its D entry is sent, and the claimant is accepted")
  func silence() throws {
    let old = holder()
    let reader = harness.join(DirectoryHarness.nick(2))
    let new = try claim()
    #expect(harness.read(old) == [DirectoryHarness.ping] && harness.held == [new])
    #expect(harness.read(new).isEmpty)
    harness.wait(.milliseconds(9_999))
    #expect(harness.isHere(old) && harness.read(new).isEmpty)
    harness.pass(.milliseconds(1))
    #expect(harness.endings[old] == .displaced && harness.resumed == [new] && harness.held.isEmpty)
    #expect(harness.read(new) == [Self.welcome] && harness.read(reader) == [Self.left])
    harness.send(685, "\(DirectoryHarness.nick(2))!\(Self.nick)!x", from: reader)
    #expect(harness.read(new).count == 1)
    harness.wait(.seconds(40))
    #expect(harness.isHere(new))
  }

  @Test("a maker without ping is probed with a request for its offers")
  func makersProbe() throws {
    let old = holder([])
    _ = try claim()
    #expect(harness.read(old) == [DirectoryHarness.probe])
  }

  @Test(
    "a holder that answers keeps its nick, and the claimant is rejected",
    arguments: [799, 687, 798, 9])
  func answer(_ code: Int) throws {
    let old = holder()
    let new = try claim()
    harness.wait(.milliseconds(9_999))
    harness.send(code, "x", from: old)
    #expect(harness.read(new) == [Self.taken])
    #expect(harness.endings[new] == .rejected && harness.flushed.contains(new))
    harness.wait(.seconds(60))
    #expect(harness.isHere(old) && harness.directory.takeovers.count == 0)
  }

  @Test("a holder that cannot be probed keeps its nick")
  func cannotBeAsked() throws {
    let old = harness.join(Self.nick)
    let new = try claim()
    #expect(harness.read(new) == [Self.taken] && harness.read(old).isEmpty && harness.isHere(old))
  }

  @Test("the claimant leaves first: the holder stays, even if it does not answer")
  func newcomerLeaves() throws {
    let old = holder()
    let new = try claim()
    harness.leave(new)
    harness.wait(.seconds(60))
    #expect(harness.isHere(old) && harness.directory.takeovers.count == 0)
    #expect(harness.directory.pending.requestCount == 0)
  }

  @Test("the holder leaves first: the claimant is accepted at once", arguments: [true, false])
  func holderLeaves(_ saysSo: Bool) throws {
    let old = holder()
    let reader = harness.join(DirectoryHarness.nick(2))
    let new = try claim()
    harness.wait(.seconds(1))
    harness.forgetAll()
    if saysSo { harness.send(801, "", from: old) } else { harness.leave(old) }
    #expect(harness.read(new) == [Self.welcome])
    #expect(harness.read(reader) == [Self.left] && harness.directory.takeovers.count == 0)
  }

  @Test("the holder answers too late: it is closed, and its frame reaches no peer")
  func lateAnswer() throws {
    let old = holder()
    let new = try claim()
    harness.pass(.seconds(10))
    harness.forgetAll()
    harness.send(687, "\(Self.nick)!PUBLIC!x", from: old)
    #expect(harness.read(new).isEmpty && harness.isHere(new))
  }

  @Test("a second claimant is rejected, and so is a third within 30 s")
  func twoNewcomers() throws {
    let old = holder()
    let first = try claim()
    let second = try claim()
    #expect(harness.read(old) == [DirectoryHarness.ping] && harness.read(second) == [Self.taken])
    harness.send(799, "", from: old)
    #expect(harness.read(first) == [Self.taken])
    harness.wait(.milliseconds(29_999))
    let third = try claim()
    #expect(harness.read(third) == [Self.taken] && harness.read(old).isEmpty)
    harness.wait(.milliseconds(1))
    let fourth = try claim()
    #expect(harness.read(fourth).isEmpty && harness.read(old) == [DirectoryHarness.ping])
  }

  @Test("a claimant is rejected at its handshake timeout, and the holder stays")
  func claimantsTime() throws {
    let old = holder()
    harness.wait(.milliseconds(1))
    let new = try #require(harness.connect())
    harness.wait(.seconds(25))
    harness.send(793, DirectoryHarness.handshake(Self.nick), from: new)
    harness.wait(.milliseconds(4_999))
    #expect(harness.isHere(new))
    harness.pass(.milliseconds(1))
    #expect(harness.read(new) == [Self.taken] && harness.endings[new] == .rejected)
    harness.wait(.seconds(60))
    #expect(harness.isHere(old) && harness.directory.takeovers.count == 0)
  }

  @Test("a claimant during shutdown is rejected as stopping, even if its nick is held")
  func shutdown() throws {
    let old = holder()
    let waiting = try claim()
    harness.directory.stop()
    let late = try claim()
    #expect(
      harness.read(late) == [
        DirectoryHarness.reply(accepted: false, "Rejected: the directory is stopping")
      ])
    harness.leave(old, .shutdown)
    #expect(
      harness.read(waiting) == [
        DirectoryHarness.reply(accepted: false, "Rejected: the directory is stopping")
      ])
    #expect(harness.directory.registry.isEmpty)
  }

  @Test("a takeover that finds no free place is rejected as full")
  func fullMeanwhile() throws {
    let old = holder()
    harness.join(DirectoryHarness.nick(2))
    let new = try claim()
    harness.directory.limits.peers = 1
    harness.leave(old)
    #expect(
      harness.read(new) == [
        DirectoryHarness.reply(accepted: false, "Rejected: Maximum peers reached: 1")
      ])
  }

  @Test("in a full directory a takeover gets the holder's place")
  func returnWhenFull() throws {
    harness.directory.limits.peers = 1
    let old = holder()
    let new = try claim()
    harness.wait(.seconds(10))
    #expect(!harness.isHere(old) && harness.read(new) == [Self.welcome])
  }

  @Test("frames of a waiting claimant have no effect")
  func waitingIsQuiet() throws {
    let old = holder()
    let new = try claim()
    harness.forgetAll()
    harness.send(687, "\(Self.nick)!PUBLIC!x", from: new)
    harness.send(798, "", from: new)
    #expect(harness.read(old).isEmpty && harness.read(new).isEmpty && harness.isHere(new))
  }

  @Test("the probes of a takeover and of the heartbeat do not interfere")
  func heartbeatToo() throws {
    let old = holder()
    harness.skip(.seconds(601))
    let new = try claim()
    harness.wait(.seconds(5))
    harness.send(799, "", from: old)
    harness.wait(.seconds(120))
    #expect(harness.isHere(old) && !harness.isHere(new))
  }
}
