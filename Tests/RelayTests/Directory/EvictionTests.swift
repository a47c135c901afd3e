/// Admission to a full directory: which peers a new one evicts, and which are protected.
import Testing

@testable import Directory
@testable import Units

@Suite("A full directory")
struct EvictionTests {
  private func harness(_ change: (inout Limits) -> Void) -> DirectoryHarness {
    var limits = Limits()
    change(&limits)
    return DirectoryHarness(limits: limits)
  }

  /// Connects a peer a second after the last one.
  private func come(_ number: Int, _ harness: DirectoryHarness, circuit: UInt32? = nil) -> PeerID? {
    harness.skip(.seconds(1))
    guard let id = harness.connect() else { return nil }
    if let circuit { harness.identify(id, circuit: circuit) }
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(number)), from: id)
    return id
  }

  @Test("silent peers that fill all places are evicted, the youngest of the largest circuit first")
  func places() throws {
    let harness = harness { $0.peers = 8 }
    var peers: [PeerID] = []
    for (number, circuit) in [1, 1, 1, 1, 2, 2, 2, 3].enumerated() {
      peers.append(try #require(come(number, harness, circuit: UInt32(circuit))))
    }
    // The four oldest peers stay, whatever their circuit.
    for gone in [6, 5, 7, 4] {
      let newPeer = try #require(come(10 + gone, harness, circuit: UInt32(20 + gone)))
      #expect(harness.endings[peers[gone]] == .evicted)
      #expect(harness.isHere(newPeer))
      // An offer protects the new peer.
      harness.send(
        687, "\(DirectoryHarness.nick(10 + gone))!PUBLIC!sw0reloffer 0 1 2 3 4", from: newPeer)
      harness.skip(EvictionOrder.interval)
    }
    let refused = try #require(come(50, harness, circuit: 50))
    #expect(harness.endings[refused] == .full)
    #expect(peers[..<4].allSatisfy(harness.isHere))
  }

  @Test("of peers that connect at the same time the earlier half stays")
  func oneMoment() throws {
    let harness = harness { $0.peers = 8 }
    let peers = (0..<8).map { harness.join(DirectoryHarness.nick($0)) }
    for number in 10..<14 {
      let next = harness.join(DirectoryHarness.nick(number))
      harness.send(687, "\(DirectoryHarness.nick(number))!PUBLIC!sw0reloffer 0 1 2 3 4", from: next)
      harness.skip(EvictionOrder.interval)
    }
    #expect(peers.map(harness.isHere) == [true, true, true, true, false, false, false, false])
  }

  @Test("without descriptors an unprotected peer is evicted, or a pending one of a large circuit")
  func descriptors() throws {
    let harness = harness { $0.pending = 10 }
    var peers: [PeerID] = []
    for number in 0..<4 { peers.append(try #require(come(number, harness, circuit: 1))) }
    let pending = try #require(harness.connect())
    harness.makeRoom()
    #expect(harness.endings[peers[3]] == .evicted && harness.isHere(pending))
    harness.skip(.seconds(1))
    var many: [PeerID] = []
    for number in 0..<6 {
      harness.skip(.milliseconds(10))
      many.append(try #require(harness.connect()))
      harness.identify(many[number], circuit: 7)
    }
    harness.makeRoom()
    #expect(harness.endings[many[0]] == .evicted && harness.isHere(pending))
    // A single peer is always in the older half, so it is protected.
    let other = self.harness { _ in }
    let old = try #require(come(0, other))
    other.makeRoom()
    #expect(other.isHere(old))
  }

  @Test("offers protect, and so does a private line of an established peer")
  func protection() throws {
    let harness = harness {
      $0.peers = 6
      $0.strangerTime = .seconds(3)
    }
    var peers: [PeerID] = []
    for number in 0..<6 { peers.append(try #require(come(number, harness))) }
    harness.send(
      687, "\(DirectoryHarness.nick(5))!PUBLIC!sw0reloffer 0 1 2 3 4", from: peers[5])
    harness.send(
      685, "\(DirectoryHarness.nick(0))!\(DirectoryHarness.nick(4))!fill", from: peers[0])
    _ = come(10, harness)
    #expect(harness.endings[peers[3]] == .evicted)
    #expect(harness.isHere(peers[4]) && harness.isHere(peers[5]))
  }

  @Test("at MAX_PENDING the oldest pending connection of the largest circuit is evicted")
  func pending() throws {
    let harness = harness { $0.pending = 4 }
    var ids: [PeerID] = []
    for circuit in [1, 2, 2, 3] {
      harness.skip(.seconds(1))
      let id = try #require(harness.connect())
      harness.identify(id, circuit: UInt32(circuit))
      ids.append(id)
    }
    harness.skip(.seconds(1))
    let newPeer = try #require(harness.connect())
    #expect(harness.endings[ids[1]] == .evicted)
    harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(1)), from: newPeer)
    #expect(harness.nick(newPeer) == DirectoryHarness.nick(1))
  }

  @Test("peerlists contain at most 160 bytes of a peer's features, and only whole names")
  func features() throws {
    let harness = harness { _ in }
    let asker = harness.join(DirectoryHarness.nick(1), ["peerlist_features"])
    let names = (10..<40).map { "feature_\($0)" }
    harness.join(DirectoryHarness.nick(2), at: "a.test:1", names)
    let list = harness.list(asker)
    let kept = names.prefix(14).joined(separator: "+")
    #expect(kept.utf8.count <= Limits.featureBytes && kept.utf8.count + 11 > Limits.featureBytes)
    #expect(list.count == 1 && list[0].contains(";F:\(kept)\""))
  }

  @Test("a holder that reads its backlog gets the full time once it has read the probe")
  func reading() throws {
    let harness = harness { _ in }
    let holder = harness.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    let claimant = try #require(come(1, harness))
    #expect(harness.read(holder) == [DirectoryHarness.ping])
    for _ in 0..<25 {
      harness.pass(.seconds(1))
      harness.directory.noteReading(holder, at: harness.now)
    }
    #expect(harness.isHere(holder) && harness.isHere(claimant))
    harness.pass(.milliseconds(9_999))
    #expect(harness.isHere(holder))
    // The claimant's own timeout expires first, so the holder keeps the nick.
    #expect(harness.endings[claimant] == .rejected)
  }

  @Test("a peer that reads the backlog before the sweep's probe is not evicted")
  func sweep() {
    let harness = harness { _ in }
    let peer = harness.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    for _ in 0..<700 where harness.peek(peer).isEmpty { harness.wait(.seconds(1)) }
    #expect(harness.read(peer) == [DirectoryHarness.ping])
    for _ in 0..<120 {
      harness.pass(.seconds(1))
      harness.directory.noteReading(peer, at: harness.now)
    }
    #expect(harness.isHere(peer))
    harness.wait(.seconds(61))
    #expect(harness.endings[peer] == .pongTimeout)
  }
}
