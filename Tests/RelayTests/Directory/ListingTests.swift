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
    let stage = DirectoryHarness()
    let taker = stage.join(DirectoryHarness.nick(1))
    #expect(stage.list(taker) == [DirectoryHarness.frame(789, "")])
    let maker = stage.join(DirectoryHarness.nick(2), at: "a.test:1")
    #expect(stage.list(maker) == [DirectoryHarness.frame(789, "")])
  }

  @Test("listed are those who serve an onion or have announced an offer, never the asker")
  func whoIsListed() throws {
    let stage = DirectoryHarness()
    stage.join(DirectoryHarness.nick(1), at: "a.test:1")
    stage.join(DirectoryHarness.nick(2))
    let announcer = stage.join(DirectoryHarness.nick(3))
    stage.say(687, "\(DirectoryHarness.nick(3))!PUBLIC!reloffer 0 1!cancel 0", from: announcer)
    _ = try #require(stage.connect())
    let asker = stage.join(DirectoryHarness.nick(4), at: "b.test:1")
    #expect(
      stage.list(asker) == [
        DirectoryHarness.frame(
          789, "\(DirectoryHarness.nick(1));a.test:1,\(DirectoryHarness.nick(3));NOT-SERVING-ONION")
      ])
  }

  @Test("the relay stands first when it knows its own onion")
  func relayFirst() {
    let stage = DirectoryHarness(location: "relay.test:5222")
    stage.join(DirectoryHarness.nick(1), at: "a.test:1", ["ping"])
    let old = stage.join(DirectoryHarness.nick(2))
    let modern = stage.join(DirectoryHarness.nick(3), ["peerlist_features"])
    #expect(
      stage.list(old) == [
        DirectoryHarness.frame(
          789, "\(DirectoryHarness.relayNick);relay.test:5222,\(DirectoryHarness.nick(1));a.test:1")
      ])
    #expect(
      stage.list(modern) == [
        DirectoryHarness.frame(
          789,
          "\(DirectoryHarness.relayNick);relay.test:5222;F:peerlist_features+ping,"
            + "\(DirectoryHarness.nick(1));a.test:1;F:ping")
      ])
  }

  @Test(
    "a frame holds at most 20 entries, and no empty one follows", arguments: [19, 20, 21, 40, 61])
  func chunks(_ count: Int) {
    let stage = DirectoryHarness()
    for n in 1...count { stage.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    // Behind the makers in the table, so that the walk goes on after the last entry.
    for n in 1...30 { stage.join(DirectoryHarness.nick(1_000 + n)) }
    let asker = stage.join(DirectoryHarness.nick(2_000))
    let frames = entries(stage.list(asker))
    #expect(frames.map(\.count).dropLast().allSatisfy { $0 == 20 })
    #expect(frames.count == (count + 19) / 20 && frames.last?.isEmpty == false)
    #expect(
      frames.joined().map(String.init)
        == (1...count).map { "\(DirectoryHarness.nick($0));a.test:\($0)" })
  }

  @Test("the relay's own entry counts among the twenty")
  func chunksWithRelay() {
    let stage = DirectoryHarness(location: "relay.test:5222")
    for n in 1...20 { stage.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    let asker = stage.join(DirectoryHarness.nick(99))
    #expect(entries(stage.list(asker)).map(\.count) == [20, 1])
  }

  @Test("a part is a page of the registry, and pages without anybody are passed over")
  func parts() {
    let stage = DirectoryHarness(slotsPerPage: 25)
    for n in 1...60 { stage.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    for n in 1...40 { stage.join(DirectoryHarness.nick(1_000 + n)) }
    stage.join(DirectoryHarness.nick(61), at: "a.test:61")
    let asker = stage.join(DirectoryHarness.nick(2_000))
    stage.say(791, "", from: asker)
    var parts: [[Int]] = []
    var more = true
    while more {
      let part = stage.continueList(asker)
      parts.append(entries(part.frames).map(\.count))
      more = part.more
    }
    #expect(parts == [[20, 5], [20, 5], [10], [1]])
  }

  @Test("lists under way share a page until somebody on it comes to be listed or leaves")
  func sharing() throws {
    let stage = DirectoryHarness(slotsPerPage: 4)
    let makers = (1...8).map { stage.join(DirectoryHarness.nick($0), at: "a.test:\($0)") }
    let askers = (11...16).map { stage.join(DirectoryHarness.nick($0), ["peerlist_features"]) }
    // Where the bytes of the first page are when this one asks.
    func place(_ asker: Int) throws -> UnsafeRawPointer? {
      stage.say(791, "", from: askers[asker])
      let part = try #require(stage.directory.nextListPart(for: askers[asker]))
      #expect(!part.isLast && part.omitted.isEmpty)
      return part.frames.withUnsafeBytes { $0.baseAddress }
    }
    let first = try place(0)
    let pages = stage.directory.registry.peerlistCache
    #expect(pages.size > 0)
    #expect(try place(1) == first)
    // On another page, and somebody who is not listed.
    stage.leave(makers[5])
    stage.leave(askers[5])
    #expect(try place(2) == first)
    stage.leave(makers[2])
    #expect(try place(3) != first)
    // Who has left is kept by nobody but the copy made above.
    withExtendedLifetime(pages) {}
    stage.directory.forgetLists()
    #expect(stage.directory.registry.peerlistCache.size == 0)
    #expect(entries(stage.continueList(askers[3]).frames).map(\.count) == [3])
  }

  @Test(
    "a page is made anew when an offer lists a peer, and when the relay learns its own name"
  )
  func remaking() throws {
    let stage = DirectoryHarness()
    stage.join(DirectoryHarness.nick(1), at: "a.test:1")
    let maker = stage.join(DirectoryHarness.nick(2))
    let asker = stage.join(DirectoryHarness.nick(3))
    let other = stage.join(DirectoryHarness.nick(4))
    #expect(entries(stage.list(asker)).map(\.count) == [1])
    stage.say(687, "\(DirectoryHarness.nick(2))!PUBLIC!reloffer 0 1", from: maker)
    #expect(entries(stage.list(asker)).map(\.count) == [2])
    stage.directory.identity.location = try OnionEndpoint("relay.test:5222", network: .regtest)
    #expect(entries(stage.list(other)).map(\.count) == [3])
  }

  @Test("wherever the asker stands on its page, it is left out and nothing else", arguments: 1...43)
  func leftOut(_ place: Int) {
    for features in [[], ["peerlist_features"], ["ping", "peerlist_features"]] {
      // The last two pages have one slot each.
      for slots in [21, 42, PeerlistCache.defaultSlotsPerPage] {
        let stage = DirectoryHarness(slotsPerPage: slots)
        let makers = (1...43).map {
          stage.join(DirectoryHarness.nick($0), at: "a.test:\($0)", features)
        }
        let frames = entries(stage.list(makers[place - 1]))
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

  @Test("a request while a list is under way is ignored, and one after it is served")
  func oneAtATime() {
    let stage = DirectoryHarness(slotsPerPage: 20)
    for n in 1...30 { stage.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    let asker = stage.join(DirectoryHarness.nick(99))
    stage.say(791, "", from: asker)
    stage.say(791, "", from: asker)
    #expect(stage.lists == [asker] && stage.dropped(.listUnderWay) == 1)
    #expect(stage.continueList(asker).more)
    stage.say(791, "", from: asker)
    #expect(!stage.continueList(asker).more)
    #expect(stage.continueList(asker).frames.isEmpty)
    stage.say(791, "", from: asker)
    #expect(stage.lists == [asker, asker] && stage.dropped(.listUnderWay) == 2)
  }

  @Test("peers that leave and come while a list is under way neither stop it nor double in it")
  func meanwhile() {
    let stage = DirectoryHarness(slotsPerPage: 20)
    let makers = (1...60).map { stage.join(DirectoryHarness.nick($0), at: "a.test:\($0)") }
    let asker = stage.join(DirectoryHarness.nick(999))
    stage.say(791, "", from: asker)
    var frames = stage.continueList(asker).frames
    stage.leave(makers[5])
    stage.leave(makers[45])
    stage.join(DirectoryHarness.nick(500), at: "b.test:1")
    stage.join(DirectoryHarness.nick(501), at: "b.test:2")
    var more = true
    while more {
      let part = stage.continueList(asker)
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

  @Test("a list ends with its asker")
  func askerLeaves() {
    let stage = DirectoryHarness()
    for n in 1...30 { stage.join(DirectoryHarness.nick(n), at: "a.test:\(n)") }
    let asker = stage.join(DirectoryHarness.nick(99))
    stage.say(791, "", from: asker)
    stage.leave(asker)
    let tenant = stage.join(DirectoryHarness.nick(98))
    #expect(stage.continueList(asker).frames.isEmpty && !stage.continueList(asker).more)
    #expect(stage.continueList(tenant).frames.isEmpty)
  }
}
