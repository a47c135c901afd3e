/// GETPEERLIST and its answer (protocol.md §6).
import Testing

@testable import Directory
@testable import Wire

@Suite("Peer lists")
struct ListingTests {
  private func entries(_ frames: [String]) -> [[Substring]] {
    frames.map {
      $0.dropFirst(#"{"type": 789, "line": ""#.count).dropLast(2).split(separator: ",")
    }
  }

  @Test("an empty list is one empty frame")
  func empty() {
    let harness = DirectoryHarness()
    let taker = harness.join(DirectoryHarness.nick(1))
    #expect(harness.list(taker) == [DirectoryHarness.frame(789, "")])
    let maker = harness.join(DirectoryHarness.nick(2), at: "a.test:1")
    #expect(harness.list(maker) == [DirectoryHarness.frame(789, "")])
  }

  @Test("a list has the peers that serve an onion or have announced an offer, never the requester")
  func whoIsListed() throws {
    let harness = DirectoryHarness()
    harness.join(DirectoryHarness.nick(1), at: "a.test:1")
    harness.join(DirectoryHarness.nick(2))
    let announcer = harness.join(DirectoryHarness.nick(3))
    harness.send(687, "\(DirectoryHarness.nick(3))!PUBLIC!reloffer 0 1!cancel 0", from: announcer)
    _ = try #require(harness.connect())
    let asker = harness.join(DirectoryHarness.nick(4), at: "b.test:1")
    #expect(
      harness.list(asker) == [
        DirectoryHarness.frame(
          789, "\(DirectoryHarness.nick(1));a.test:1,\(DirectoryHarness.nick(3));NOT-SERVING-ONION")
      ])
  }

  @Test("the relay is the first entry when it knows its own onion")
  func relayFirst() {
    let harness = DirectoryHarness(location: "relay.test:5222")
    harness.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    let old = harness.join(DirectoryHarness.nick(2))
    let modern = harness.join(DirectoryHarness.nick(3), ["peerlist_features"])
    #expect(
      harness.list(old) == [
        DirectoryHarness.frame(
          789, "\(DirectoryHarness.relayNick);relay.test:5222,\(DirectoryHarness.nick(1));a.test:1")
      ])
    #expect(
      harness.list(modern) == [
        DirectoryHarness.frame(
          789,
          "\(DirectoryHarness.relayNick);relay.test:5222;F:peerlist_features+ping,"
            + "\(DirectoryHarness.nick(1));a.test:1;F:ping")
      ])
  }

  @Test(
    "a frame holds at most 20 entries, and no empty one follows", arguments: [19, 20, 21, 40, 61])
  func chunks(_ count: Int) {
    let harness = DirectoryHarness()
    for n in 1...count { harness.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    // These peers follow the makers in the table, so the scan continues after the last entry.
    for n in 1...30 { harness.join(DirectoryHarness.nick(1_000 + n)) }
    let asker = harness.join(DirectoryHarness.nick(2_000))
    let frames = entries(harness.list(asker))
    #expect(frames.map(\.count).dropLast().allSatisfy { $0 == 20 })
    #expect(frames.count == (count + 19) / 20 && frames.last?.isEmpty == false)
    #expect(
      frames.joined().map(String.init)
        == (1...count).map { "\(DirectoryHarness.nick($0));a.test:\($0)" })
  }

  @Test("the relay's own entry counts among the twenty")
  func chunksWithRelay() {
    let harness = DirectoryHarness(location: "relay.test:5222")
    for n in 1...20 { harness.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    let asker = harness.join(DirectoryHarness.nick(99))
    #expect(entries(harness.list(asker)).map(\.count) == [20, 1])
  }

  @Test("a part is a page of the registry, and pages without listed peers are skipped")
  func parts() {
    let harness = DirectoryHarness(slotsPerPage: 25)
    for n in 1...60 { harness.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    for n in 1...40 { harness.join(DirectoryHarness.nick(1_000 + n)) }
    harness.join(DirectoryHarness.nick(61), at: "a.test:61")
    let asker = harness.join(DirectoryHarness.nick(2_000))
    harness.send(791, "", from: asker)
    var parts: [[Int]] = []
    var more = true
    while more {
      let part = harness.continueList(asker)
      parts.append(entries(part.frames).map(\.count))
      more = part.more
    }
    #expect(parts == [[20, 5], [20, 5], [10], [1]])
  }

  @Test("lists share a page until a peer on it becomes listed or leaves")
  func sharing() throws {
    let harness = DirectoryHarness(slotsPerPage: 4)
    let makers = (1...8).map { harness.join(DirectoryHarness.nick($0), at: "a.test:\($0)") }
    let askers = (11...16).map { harness.join(DirectoryHarness.nick($0), ["peerlist_features"]) }
    // Requests a list and returns the address of the bytes of its first page.
    func place(_ asker: Int) throws -> UnsafeRawPointer? {
      harness.send(791, "", from: askers[asker])
      let part = try #require(harness.directory.nextListPart(for: askers[asker]))
      #expect(!part.isLast && part.omitted.isEmpty)
      return part.frames.withUnsafeBytes { $0.baseAddress }
    }
    let first = try place(0)
    let pages = harness.directory.registry.peerlistCache
    #expect(pages.size > 0)
    #expect(try place(1) == first)
    // One peer of another page leaves, and one that is not listed.
    harness.leave(makers[5])
    harness.leave(askers[5])
    #expect(try place(2) == first)
    harness.leave(makers[2])
    #expect(try place(3) != first)
    // Only `pages`, the copy from above, still contains the peer that left.
    withExtendedLifetime(pages) {}
    harness.directory.forgetLists()
    #expect(harness.directory.registry.peerlistCache.size == 0)
    #expect(entries(harness.continueList(askers[3]).frames).map(\.count) == [3])
  }

  @Test(
    "a page is rebuilt when an offer makes a peer listed, and when the relay learns its own onion"
  )
  func remaking() throws {
    let harness = DirectoryHarness()
    harness.join(DirectoryHarness.nick(1), at: "a.test:1")
    let maker = harness.join(DirectoryHarness.nick(2))
    let asker = harness.join(DirectoryHarness.nick(3))
    let other = harness.join(DirectoryHarness.nick(4))
    #expect(entries(harness.list(asker)).map(\.count) == [1])
    harness.send(687, "\(DirectoryHarness.nick(2))!PUBLIC!reloffer 0 1", from: maker)
    #expect(entries(harness.list(asker)).map(\.count) == [2])
    harness.directory.identity.location = try OnionEndpoint("relay.test:5222", network: .regtest)
    #expect(entries(harness.list(other)).map(\.count) == [3])
  }

  @Test("only the requester is left out, wherever it is on its page", arguments: 1...43)
  func leftOut(_ place: Int) {
    for features in [[], ["peerlist_features"], ["ping", "peerlist_features"]] {
      // With 21 or 42 slots a page, the last page has one slot.
      for slots in [21, 42, PeerlistCache.defaultSlotsPerPage] {
        let harness = DirectoryHarness(slotsPerPage: slots)
        let makers = (1...43).map {
          harness.join(DirectoryHarness.nick($0), at: "a.test:\($0)", features)
        }
        let frames = entries(harness.list(makers[place - 1]))
        let text = features.isEmpty ? "" : ";F:" + features.sorted().joined(separator: "+")
        #expect(
          frames.joined().map(String.init)
            == (1...43).filter { $0 != place }.map {
              "\(DirectoryHarness.nick($0));a.test:\($0)\(text)"
            })
        #expect(frames.allSatisfy { (1...20).contains($0.count) })
      }
    }
  }

  @Test("a request during a list is ignored, and one after it is served")
  func oneAtATime() {
    let harness = DirectoryHarness(slotsPerPage: 20)
    for n in 1...30 { harness.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    let asker = harness.join(DirectoryHarness.nick(99))
    harness.send(791, "", from: asker)
    harness.send(791, "", from: asker)
    #expect(harness.lists == [asker] && harness.dropped(.listUnderWay) == 1)
    #expect(harness.continueList(asker).more)
    harness.send(791, "", from: asker)
    #expect(!harness.continueList(asker).more)
    #expect(harness.continueList(asker).frames.isEmpty)
    harness.send(791, "", from: asker)
    #expect(harness.lists == [asker, asker] && harness.dropped(.listUnderWay) == 2)
  }

  @Test("peers that leave or join during a list neither stop it nor appear in it twice")
  func meanwhile() {
    let harness = DirectoryHarness(slotsPerPage: 20)
    let makers = (1...60).map { harness.join(DirectoryHarness.nick($0), at: "a.test:\($0)") }
    let asker = harness.join(DirectoryHarness.nick(999))
    harness.send(791, "", from: asker)
    var frames = harness.continueList(asker).frames
    harness.leave(makers[5])
    harness.leave(makers[45])
    harness.join(DirectoryHarness.nick(500), at: "b.test:1")
    harness.join(DirectoryHarness.nick(501), at: "b.test:2")
    var more = true
    while more {
      let part = harness.continueList(asker)
      frames += part.frames
      more = part.more
    }
    let all = entries(frames).joined().map(String.init)
    #expect(Set(all).count == all.count)
    for n in 1...60 where n != 6 && n != 46 {
      #expect(all.contains("\(DirectoryHarness.nick(n));a.test:\(n)"))
    }
    #expect(!all.contains("\(DirectoryHarness.nick(46));a.test:46"))
  }

  @Test("a list ends when its requester leaves")
  func askerLeaves() {
    let harness = DirectoryHarness()
    for n in 1...30 { harness.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    let asker = harness.join(DirectoryHarness.nick(99))
    harness.send(791, "", from: asker)
    harness.leave(asker)
    let tenant = harness.join(DirectoryHarness.nick(98))
    #expect(harness.continueList(asker).frames.isEmpty && !harness.continueList(asker).more)
    #expect(harness.continueList(tenant).frames.isEmpty)
  }
}
