// Tests each component of the directory alone: what it keeps, and in which order it returns it.

import Testing

@testable import Directory
@testable import Identity
@testable import Units
@testable import Wire

private let start = Instant(nanoseconds: 1_000_000_000_000)

private func id(_ slot: Int32, generation: UInt32 = 0) -> PeerID {
  PeerID(slot: slot, generation: generation)
}

private func nick(_ number: Int) -> Nick { Nick(DirectoryHarness.nick(number)) ?? .nobody }

private func request(_ number: Int) throws -> HandshakeRequest {
  let line = DirectoryHarness.handshake(DirectoryHarness.nick(number))
  let escaped = line.replacing("\"", with: "\\\"")
  return try Array(escaped.utf8).withView {
    try HandshakeRequest.parse(line: $0, network: .regtest)
  }
}

@Suite("Pending connections")
struct PendingConnectionsTests {
  @Test("the oldest is due first; one that has completed its handshake or left is skipped for good")
  func order() {
    var pending = PendingConnections()
    for slot in 0..<4 { pending.add(id(Int32(slot))) }
    let over: Set = [id(0), id(2)]
    #expect(pending.first(skipping: over.contains) == id(1))
    #expect(!pending.contains(id(0)) && pending.contains(id(2)))
    pending.removeFirst()
    #expect(pending.first(skipping: over.contains) == id(3))
    #expect(pending.first { _ in true } == nil)
    #expect(pending.isEmpty)
  }

  @Test("a request is kept until it is forgotten")
  func requests() throws {
    var pending = PendingConnections()
    pending.keep(try request(1), of: id(1))
    #expect(pending.request(of: id(1))?.nick == nick(1))
    #expect(pending.request(of: id(1, generation: 1)) == nil)
    pending.forgetRequest(of: id(1))
    #expect(pending.request(of: id(1)) == nil && pending.isEmpty)
  }
}

@Suite("Nick takeovers")
struct NickTakeoversTests {
  private static let interval = Duration.seconds(30)
  private static func takeover(_ slot: Int32, until seconds: Int) -> NickTakeover {
    NickTakeover(
      claimant: id(slot), holder: id(slot + 100), deadline: start + .seconds(seconds))
  }

  @Test("a nick has one takeover at a time, and no second one within the interval")
  func interval() {
    var takeovers = NickTakeovers()
    #expect(takeovers.mayStart(nick(1), at: start, interval: Self.interval))
    takeovers.start(Self.takeover(1, until: 100), of: nick(1), at: start)
    #expect(!takeovers.mayStart(nick(1), at: start + .seconds(50), interval: Self.interval))
    #expect(takeovers.mayStart(nick(2), at: start, interval: Self.interval))
    #expect(takeovers.end(nick(1)) == Self.takeover(1, until: 100))
    #expect(takeovers.end(nick(1)) == nil)
    #expect(!takeovers.mayStart(nick(1), at: start + .seconds(29), interval: Self.interval))
    #expect(takeovers.mayStart(nick(1), at: start + .seconds(30), interval: Self.interval))
  }

  @Test("a start is forgotten once it no longer delays a takeover")
  func starts() {
    var takeovers = NickTakeovers()
    takeovers.start(Self.takeover(1, until: 10), of: nick(1), at: start)
    _ = takeovers.end(nick(1))
    takeovers.forgetStarts(at: start + .seconds(29), interval: Self.interval)
    #expect(!takeovers.isEmpty)
    takeovers.forgetStarts(at: start + .seconds(30), interval: Self.interval)
    #expect(takeovers.isEmpty)
  }

  @Test("the peer that leaves decides how a takeover ends; other peers do not end it")
  func endings() {
    var takeovers = NickTakeovers()
    takeovers.start(Self.takeover(1, until: 10), of: nick(1), at: start)
    takeovers.start(Self.takeover(2, until: 10), of: nick(2), at: start)
    #expect(takeovers.end(nick(1), afterLeaving: id(2)) == nil)
    #expect(takeovers.end(nick(3), afterLeaving: id(1)) == nil)
    #expect(takeovers.end(nick(1), afterLeaving: id(101)) == .holderLeft(claimant: id(1)))
    #expect(takeovers.end(nick(2), afterLeaving: id(2)) == .claimantLeft(holder: id(102)))
    #expect(takeovers.count == 0)
  }

  @Test("due takeovers are returned in the order of their deadlines and stay until they are ended")
  func due() {
    var takeovers = NickTakeovers()
    for (number, seconds) in [(1, 10), (2, 5), (3, 11), (4, 5)] {
      takeovers.start(Self.takeover(Int32(number), until: seconds), of: nick(number), at: start)
    }
    let due = takeovers.due(at: start + .seconds(10)).map(\.claimant)
    #expect(due == [id(2), id(4), id(1)])
    #expect(takeovers.due(at: start + .seconds(10)).count == 3 && takeovers.count == 4)
  }
}

@Suite("Nick proofs")
struct NickProofsTests {
  @Test("a proof is owed until it is settled, then its deadline is skipped")
  func owed() throws {
    var proofs = NickProofs()
    let nonce = proofs.request(try request(1), of: id(1), until: start + .seconds(5))
    _ = proofs.request(try request(2), of: id(2), until: start + .seconds(6))
    #expect(proofs[id(1)]?.nonce == nonce && proofs[id(1)]?.request.nick == nick(1))
    #expect(proofs[id(2)]?.nonce != nonce)
    #expect(proofs.deadline(of: id(1)) == start + .seconds(5))
    proofs.end(id(1))
    #expect(proofs[id(1)] == nil && proofs.deadline(of: id(1)) == nil && proofs.count == 1)
    #expect(proofs.popExpired(at: start + .seconds(5)) == nil)
    #expect(proofs.popExpired(at: start + .seconds(6)) == id(2))
    proofs.end(id(2))
    #expect(proofs.popExpired(at: start + .seconds(60)) == nil && proofs.isEmpty)
  }

  @Test("a reload that shortens the time lets later proofs expire first")
  func shorterTime() throws {
    var proofs = NickProofs()
    for (slot, seconds) in [(1, 30), (2, 10), (3, 20)] {
      _ = proofs.request(
        try request(slot), of: id(Int32(slot)), until: start + .seconds(seconds))
    }
    var expired: [PeerID] = []
    for second in [5, 10, 20, 30] {
      while let next = proofs.popExpired(at: start + .seconds(second)) {
        expired.append(next)
        proofs.end(next)
      }
    }
    #expect(expired == [id(2), id(3), id(1)] && proofs.isEmpty)
  }
}

@Suite("Heartbeat")
struct HeartbeatComponentTests {
  private static let interval = Duration.seconds(60)

  private static func slots(_ heartbeat: inout Heartbeat, of count: Int) -> [Int] {
    var slots: [Int] = []
    while let slot = heartbeat.nextSlot(of: count) { slots.append(slot) }
    return slots
  }

  @Test("every slot is checked once an interval, in slices")
  func slices() {
    var heartbeat = Heartbeat(at: start)
    var seen: [Int] = []
    for tick in 1...120 {
      heartbeat.advance(
        to: start + .milliseconds(500 * tick), slots: 240, interval: Self.interval)
      let slice = Self.slots(&heartbeat, of: 240)
      #expect(slice.count <= 3)
      seen += slice
    }
    #expect(seen.count >= 239 && seen == Array(0..<seen.count))
  }

  @Test("after a long pause the sweep checks every slot once, not several times")
  func pause() {
    var heartbeat = Heartbeat(at: start)
    heartbeat.advance(to: start + .seconds(6_000), slots: 10, interval: Self.interval)
    #expect(Self.slots(&heartbeat, of: 10) == Array(0..<10))
  }

  @Test("a registry that shrank to nothing has no next slot")
  func none() {
    var heartbeat = Heartbeat(at: start)
    heartbeat.advance(to: start + Self.interval, slots: 10, interval: Self.interval)
    #expect(heartbeat.nextSlot(of: 0) == nil)
  }

  @Test("probes expire in the order in which they were sent")
  func probes() {
    var heartbeat = Heartbeat(at: start)
    heartbeat.noteProbe(of: id(1), at: start)
    heartbeat.noteProbe(of: id(2), at: start + .seconds(1))
    let wait = Duration.seconds(30)
    #expect(heartbeat.popExpiredProbe(at: start + .seconds(29), after: wait) == nil)
    #expect(heartbeat.popExpiredProbe(at: start + .seconds(30), after: wait)?.peer == id(1))
    #expect(heartbeat.popExpiredProbe(at: start + .seconds(30), after: wait) == nil)
    #expect(heartbeat.probeSentAt(to: id(2)) == start + .seconds(1) && heartbeat.hasProbes)
  }
}

@Suite("The directory's clock")
struct DirectoryClockTests {
  @Test("never goes backwards between events of different clocks")
  func monotonic() throws {
    let harness = DirectoryHarness()
    let directory = harness.directory
    var actions = Actions()
    let later = harness.now + .seconds(10)
    directory.tick(at: later, into: &actions)
    #expect(directory.now == later)
    let peer = try #require(harness.connect())
    #expect(directory.now == later)
    let index = try #require(directory.registry.index(of: peer))
    #expect(directory.registry[index].connectedAt == later)
    // Its timeout starts at the later time. With the earlier clock it would have expired by now.
    directory.tick(at: later + (directory.limits.handshakeTime - .seconds(1)), into: &actions)
    #expect(directory.registry.index(of: peer) != nil)
    directory.tick(at: later + directory.limits.handshakeTime, into: &actions)
    #expect(directory.registry.index(of: peer) == nil)
  }
}
