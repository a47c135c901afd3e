// Tests each component of the node alone: budgets, queues of sessions, peerlists and the accept
// gate.

import Logging
import Testing

@testable import Directory
@testable import EventLoop
@testable import Server
@testable import Units

private func id(_ slot: Int32) -> PeerID { PeerID(slot: slot, generation: 0) }

@Suite("The budget of a turn")
struct TurnBudgetTests {
  @Test("the budgets of reads and of proofs run out and are refilled completely and separately")
  func budgets() {
    var budget = TurnBudget()
    let taken = (0...TurnBudget.furtherReads).map { _ in budget.takeFurtherRead() }
    #expect(taken == Array(repeating: true, count: TurnBudget.furtherReads) + [false])
    #expect(budget.hasProofs)
    for _ in 0..<TurnBudget.proofs { budget.takeProof() }
    #expect(!budget.hasProofs)
    budget.refillReads()
    let isRefilled = budget.takeFurtherRead()
    #expect(isRefilled && !budget.hasProofs)
    budget.refillProofs()
    #expect(budget.hasProofs)
  }

  @Test("the time for new connections runs out and is refilled")
  func newConnections() {
    var budget = TurnBudget()
    let start = Instant(nanoseconds: 1_000)
    let half = start + TurnBudget.newConnectionsTime / 2
    budget.spendOnNewConnections(from: start, to: half)
    #expect(budget.hasTimeForNewConnections)
    budget.spendOnNewConnections(from: start, to: half)
    #expect(!budget.hasTimeForNewConnections)
    budget.refillReads()
    #expect(budget.hasTimeForNewConnections)
  }
}

@Suite("Deferred reads")
struct DeferredReadsTests {
  @Test("proofs continue in the order in which they were postponed, separately from admitted peers")
  func order() {
    var deferred = DeferredReads()
    for slot in 1...3 { deferred.postpone(id(Int32(slot))) }
    deferred.admit(id(9))
    #expect(deferred.hasAdmitted && deferred.hasPostponed)
    let postponed = (0..<4).map { _ in deferred.popPostponed() }
    let admitted = (0..<2).map { _ in deferred.popAdmitted() }
    #expect(postponed == [id(1), id(2), id(3), nil] && admitted == [id(9), nil])
    #expect(!deferred.hasAdmitted && !deferred.hasPostponed)
  }
}

@Suite("The load of the process")
struct ProcessLoadTests {
  @Test("is high when it has used more than half of a processor since the last tick")
  func half() {
    var load = ProcessLoad()
    var isHigh: [Bool] = []
    for (at, used) in [(1_000, 5_000), (2_000, 5_501), (3_000, 6_001), (4_000, 7_001)] {
      load.tick(
        at: Instant(nanoseconds: 0) + .milliseconds(at), used: .milliseconds(used))
      isHigh.append(load.isHigh)
    }
    #expect(isHigh == [false, true, false, true])
  }
}

@Suite("The peerlist sender")
struct PeerlistSenderTests {
  @Test("a turn ends with its budget, and the next one starts with the peers that were left over")
  func rotation() {
    var sender = PeerlistSender()
    for slot in 1...4 { sender.add(id(Int32(slot))) }
    var served: [PeerID] = []
    for _ in 0..<3 {
      sender.advance(budget: 100) {
        served.append($0)
        return .sent(bytes: 60, isLast: false)
      }
      #expect(sender.canGoOn)
    }
    #expect(served == [1, 2, 3, 4, 1, 2].map(id) && sender.count == 4)
  }

  @Test("peers with full sockets wait and cause no turn, and complete lists are removed")
  func ends() {
    var sender = PeerlistSender()
    for slot in 1...3 { sender.add(id(Int32(slot))) }
    sender.advance(budget: 100) {
      switch $0 {
      case id(1): .waits
      case id(2): .over
      default: .sent(bytes: 10, isLast: true)
      }
    }
    #expect(!sender.canGoOn && sender.all == [id(1)])
    let drained = [sender.drained(id(2)), sender.drained(id(1)), sender.drained(id(1))]
    #expect(drained == [false, true, false] && sender.canGoOn)
    sender.advance(budget: 100) { _ in .waits }
    #expect(!sender.canGoOn && !sender.isEmpty)
    sender.forget(id(1))
    #expect(sender.isEmpty)
  }
}

@Suite("The table of sessions", .serialized)
struct SessionTableTests {
  let bench: SessionBench

  init() throws { bench = try SessionBench() }

  @Test("a session is found by its whole id until the directory forgets it")
  func lookup() {
    var table = SessionTable()
    let (session, _) = bench.session(3)
    table.insert(session)
    #expect(table[id(3)] === session && table[id(2)] == nil && table[id(99)] == nil)
    #expect(table[PeerID(slot: 3, generation: 1)] == nil)
    #expect(Array(table.all).count == 1 && table.slotCount == 4)
    table.remove(session, .peerClosed, lingeringUntil: nil)
    #expect(table[id(3)] == nil && Array(table.all).isEmpty)
    #expect(session.state == .closed(.peerClosed) && table.lingeringCount == 0)
  }

  @Test("a session is marked for closing once, with its first reason")
  func closing() {
    var table = SessionTable()
    let (session, _) = bench.session(0)
    table.insert(session)
    let isClosed = table.close(session, .slowReader)
    let isClosedAgain = table.close(session, .networkError)
    #expect(isClosed && !isClosedAgain)
    #expect(session.state == .closing(.slowReader) && table.hasClosing)
    let closing = table.takeClosing().map(\.id)
    #expect(closing == [id(0)] && !table.hasClosing)
    table.remove(session, .slowReader, lingeringUntil: nil)
    let isClosedLater = table.close(session, .slowReader)
    #expect(!isClosedLater)
  }

  @Test("a session lingers until its timeout, or until it ends by itself")
  func lingering() {
    var table = SessionTable()
    let start = Instant(nanoseconds: 0)
    let sessions = (0..<3).map { bench.session($0).0 }
    for (number, session) in sessions.enumerated() {
      table.insert(session)
      table.remove(session, .rejected, lingeringUntil: start + .seconds(number))
    }
    #expect(table.lingeringCount == 3)
    let ends = (0..<2).map { _ in table.endLingering(sessions[0]) }
    #expect(ends == [true, false] && sessions[0].state == .closed(.rejected))
    let expired = table.takeExpired(at: start + .seconds(1)).map(\.id)
    #expect(expired == [id(1)])
    #expect(sessions[1].state == .closed(.rejected) && table.lingeringCount == 1)
    let more = table.takeExpired(at: start + .seconds(1))
    #expect(more.isEmpty)
  }
}

@Suite("The accept gate", .serialized)
struct AcceptGateTests {
  @Test("at its limit it pauses its listeners, counts one pause, and resumes below the limit")
  func limit() throws {
    let loop = try EventLoop()
    let gate = AcceptGate(loop: loop, log: Logger(label: "test"))
    gate.limit = 2
    var accepted: [TestSocket] = []
    let listener = try Listener(on: loop, address: .tcp(host: "127.0.0.1", port: 0)) { socket in
      accepted.append(TestSocket(socket.release()))
      gate.accepted(connections: accepted.count)
    }
    gate.add(listener)
    var sockets: [TestSocket] = []
    for _ in 0..<3 { sockets.append(try #require(TestSocket.connected(to: listener.address))) }
    #expect(loop.turns { accepted.count == 2 } && gate.isFull && gate.pauses == 1)
    for _ in 0..<20 { loop.turn() }
    gate.update(connections: 2)
    #expect(accepted.count == 2 && gate.isFull && gate.pauses == 1)
    gate.update(connections: 1)
    #expect(!gate.isFull && loop.turns { accepted.count == 3 })
    gate.closeAll()
    #expect(gate.listeners.isEmpty)
    withExtendedLifetime(sockets) {}
  }
}
