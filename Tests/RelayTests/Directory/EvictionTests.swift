/// Full is not locked: who goes for a pending connection, and who does not.
import Testing

@testable import Directory
@testable import Units

@Suite("A full directory")
struct EvictionTests {
  private func stage(_ change: (inout Limits) -> Void) -> DirectoryHarness {
    var limits = Limits()
    change(&limits)
    return DirectoryHarness(limits: limits)
  }

  /// A peer that comes a second after the last.
  private func come(_ number: Int, _ stage: DirectoryHarness, circuit: UInt32? = nil) -> PeerID? {
    stage.skip(.seconds(1))
    guard let id = stage.connect() else { return nil }
    if let circuit { stage.identify(id, circuit: circuit) }
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(number)), from: id)
    return id
  }

  @Test("silent peers that fill all places make room, the youngest of the largest circuit first")
  func places() throws {
    let stage = stage { $0.peers = 8 }
    var peers: [PeerID] = []
    for (number, circuit) in [1, 1, 1, 1, 2, 2, 2, 3].enumerated() {
      peers.append(try #require(come(number, stage, circuit: UInt32(circuit))))
    }
    // The four oldest stay, whatever their circuit.
    for gone in [6, 5, 7, 4] {
      let newPeer = try #require(come(10 + gone, stage, circuit: UInt32(20 + gone)))
      #expect(stage.endings[peers[gone]] == .evicted)
      #expect(stage.isHere(newPeer))
      // It has something to offer: it stays.
      stage.say(
        687, "\(DirectoryHarness.nick(10 + gone))!PUBLIC!sw0reloffer 0 1 2 3 4", from: newPeer)
      stage.skip(EvictionOrder.interval)
    }
    let refused = try #require(come(50, stage, circuit: 50))
    #expect(stage.endings[refused] == .full)
    #expect(peers[..<4].allSatisfy(stage.isHere))
  }

  @Test("of peers that come at the same time the earlier half stays")
  func oneMoment() throws {
    let stage = stage { $0.peers = 8 }
    let peers = (0..<8).map { stage.join(DirectoryHarness.nick($0)) }
    for number in 10..<14 {
      let next = stage.join(DirectoryHarness.nick(number))
      stage.say(687, "\(DirectoryHarness.nick(number))!PUBLIC!sw0reloffer 0 1 2 3 4", from: next)
      stage.skip(EvictionOrder.interval)
    }
    #expect(peers.map(stage.isHere) == [true, true, true, true, false, false, false, false])
  }

  @Test("short descriptors: a peer that may go makes room, or a pending connection of many")
  func descriptors() throws {
    let stage = stage { $0.pending = 10 }
    var peers: [PeerID] = []
    for number in 0..<4 { peers.append(try #require(come(number, stage, circuit: 1))) }
    let pending = try #require(stage.connect())
    stage.makeRoom()
    #expect(stage.endings[peers[3]] == .evicted && stage.isHere(pending))
    stage.skip(.seconds(1))
    var many: [PeerID] = []
    for number in 0..<6 {
      stage.skip(.milliseconds(10))
      many.append(try #require(stage.connect()))
      stage.identify(many[number], circuit: 7)
    }
    stage.makeRoom()
    #expect(stage.endings[many[0]] == .evicted && stage.isHere(pending))
    // Nobody may go: nobody goes.
    let other = self.stage { _ in }
    let old = try #require(come(0, other))
    other.makeRoom()
    #expect(other.isHere(old))
  }

  @Test("offers and being addressed by somebody who is no stranger protect")
  func protection() throws {
    let stage = stage {
      $0.peers = 6
      $0.strangerTime = .seconds(3)
    }
    var peers: [PeerID] = []
    for number in 0..<6 { peers.append(try #require(come(number, stage))) }
    stage.say(
      687, "\(DirectoryHarness.nick(5))!PUBLIC!sw0reloffer 0 1 2 3 4", from: peers[5])
    stage.say(
      685, "\(DirectoryHarness.nick(0))!\(DirectoryHarness.nick(4))!fill", from: peers[0])
    _ = come(10, stage)
    #expect(stage.endings[peers[3]] == .evicted)
    #expect(stage.isHere(peers[4]) && stage.isHere(peers[5]))
  }

  @Test("the pending connection that has waited longest makes room for another")
  func pending() throws {
    let stage = stage { $0.pending = 4 }
    var ids: [PeerID] = []
    for circuit in [1, 2, 2, 3] {
      stage.skip(.seconds(1))
      let id = try #require(stage.connect())
      stage.identify(id, circuit: UInt32(circuit))
      ids.append(id)
    }
    stage.skip(.seconds(1))
    let newPeer = try #require(stage.connect())
    #expect(stage.endings[ids[1]] == .evicted)
    stage.say(793, DirectoryHarness.handshake(DirectoryHarness.nick(1)), from: newPeer)
    #expect(stage.nick(newPeer) == DirectoryHarness.nick(1))
  }

  @Test("feature names past 160 bytes are not carried by others, whole names are")
  func features() throws {
    let stage = stage { _ in }
    let asker = stage.join(DirectoryHarness.nick(1), ["peerlist_features"])
    let names = (10..<40).map { "feature_\($0)" }
    stage.join(DirectoryHarness.nick(2), at: "a.test:1", names)
    let list = stage.list(asker)
    let kept = names.prefix(14).joined(separator: "+")
    #expect(kept.utf8.count <= Limits.featureBytes && kept.utf8.count + 11 > Limits.featureBytes)
    #expect(list.count == 1 && list[0].contains(";F:\(kept)\""))
  }

  @Test("a holder that reads towards its probe has its time when it comes there")
  func reading() throws {
    let stage = stage { _ in }
    let holder = stage.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    let claimant = try #require(come(1, stage))
    #expect(stage.read(holder) == [DirectoryHarness.ping])
    for _ in 0..<25 {
      stage.pass(.seconds(1))
      stage.directory.noteReading(holder, at: stage.now)
    }
    #expect(stage.isHere(holder) && stage.isHere(claimant))
    stage.pass(.milliseconds(9_999))
    #expect(stage.isHere(holder))
    // The claimant's own time is over first: the nick is not lost to it.
    #expect(stage.endings[claimant] == .rejected)
  }

  @Test("a peer that reads towards the sweep's probe is not taken for dead")
  func sweep() {
    let stage = stage { _ in }
    let peer = stage.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    for _ in 0..<700 where stage.peek(peer).isEmpty { stage.wait(.seconds(1)) }
    #expect(stage.read(peer) == [DirectoryHarness.ping])
    for _ in 0..<120 {
      stage.pass(.seconds(1))
      stage.directory.noteReading(peer, at: stage.now)
    }
    #expect(stage.isHere(peer))
    stage.wait(.seconds(61))
    #expect(stage.endings[peer] == .pongTimeout)
  }
}
