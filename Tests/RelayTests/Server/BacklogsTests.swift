/// The bytes that peers have not read: counted exactly, and limited in three ways (promises.md,
/// "Never lose, never stall").
import CAllocations
import Testing

@testable import Server
@testable import Units

@Suite("Backlogs", .serialized)
struct BacklogsTests {
  let bench: SessionBench
  var backlogs = Backlogs()
  let start = Instant(nanoseconds: 1_000_000_000_000)

  init() throws {
    bench = try SessionBench()
    backlogs.limits.hard = ByteCount(100_000)
    backlogs.limits.soft = ByteCount(20_000)
    backlogs.limits.softTime = .seconds(60)
    backlogs.limits.total = ByteCount(250_000)
  }

  /// Sends `count` bytes. Those that the kernel does not take are the backlog.
  private mutating func send(_ count: Int, to session: Session, at now: Instant) {
    let bytes = [UInt8](repeating: 120, count: count)
    guard case .accepted(let left) = bytes.withView({ session.send($0) }) else {
      Issue.record("not accepted")
      return
    }
    if left > 0 { backlogs.left(left, for: session, at: now) }
  }

  @Test("the sum is that of the sessions' own buffers, and forgetting a session subtracts its part")
  mutating func sum() {
    let (a, _plugA) = bench.session(0, buffer: 4_608)
    let (b, plugB) = bench.session(1, buffer: 4_608)
    send(50_000, to: a, at: start)
    send(30_000, to: b, at: start)
    send(1_000, to: b, at: start)
    #expect(backlogs.count == 2 && backlogs.total == a.backlogMemory + b.backlogMemory)
    #expect(backlogs.largest == a.backlog)
    _ = plugB.read(3_000)
    bench.loop.turn()
    #expect(backlogs.measure(at: start).isEmpty)
    #expect(b.backlog < 31_000 - 4_000 && backlogs.total == a.backlogMemory + b.backlogMemory)
    backlogs.forget(a.id)
    #expect(backlogs.total == b.backlogMemory && backlogs.count == 1)
    backlogs.forget(b.id)
    backlogs.forget(b.id)
    #expect(backlogs.total == 0 && backlogs.count == 0)
    withExtendedLifetime(_plugA) {}
  }

  @Test("a backlog is over the hard limit from one byte more than the limit")
  mutating func hard() {
    let (session, socket) = bench.session(0, buffer: 4_608)
    send(100_000, to: session, at: start)
    send(100_000 - session.backlog, to: session, at: start)
    #expect(session.backlog == 100_000 && !backlogs.isOverHardLimit(session))
    send(1, to: session, at: start)
    #expect(backlogs.isOverHardLimit(session))
    withExtendedLifetime(socket) {}
  }

  @Test(
    "over the soft limit for a minute without a byte taken; any byte taken restarts the minute")
  mutating func soft() {
    let (frozen, socket) = bench.session(0, buffer: 4_608)
    let (slow, slowSocket) = bench.session(1, buffer: 4_608)
    let (small, smallSocket) = bench.session(2, buffer: 4_608)
    send(60_000, to: frozen, at: start)
    send(60_000, to: slow, at: start)
    send(20_000, to: small, at: start)
    #expect(backlogs.measure(at: start + .milliseconds(59_999)).isEmpty)
    let before = slow.backlog
    let hasTaken = bench.loop.turns(until: {
      _ = slowSocket.read(1_000)
      return slow.backlog < before
    })
    #expect(hasTaken)
    #expect(backlogs.measure(at: start + .seconds(60)).map(\.id) == [frozen.id])
    #expect(!backlogs.measure(at: start + .milliseconds(119_999)).map(\.id).contains(slow.id))
    #expect(backlogs.measure(at: start + .seconds(120)).map(\.id).contains(slow.id))
    // New bytes in the backlog do not restart the minute.
    send(5_000, to: frozen, at: start + .seconds(130))
    #expect(backlogs.measure(at: start + .seconds(131)).map(\.id).contains(frozen.id))
    #expect(!backlogs.measure(at: start + .seconds(999)).map(\.id).contains(small.id))
    withExtendedLifetime((socket, smallSocket)) {}
  }

  @Test("the minute starts when the backlog exceeds the soft limit, not with its first byte")
  mutating func softStart() {
    let (session, socket) = bench.session(0, buffer: 4_608)
    send(15_000, to: session, at: start)
    #expect(backlogs.measure(at: start + .seconds(100)).isEmpty)
    send(30_000, to: session, at: start + .seconds(100))
    #expect(backlogs.measure(at: start + .milliseconds(159_999)).isEmpty)
    #expect(backlogs.measure(at: start + .seconds(160)).map(\.id) == [session.id])
    withExtendedLifetime(socket) {}
  }

  @Test("bytes read meanwhile are subtracted from the sum before a session is closed for it")
  mutating func recounted() {
    let (reader, readerSocket) = bench.session(0, buffer: 4_608)
    let (other, socket) = bench.session(1, buffer: 4_608)
    send(200_000, to: reader, at: start)
    #expect(
      bench.loop.turns {
        _ = readerSocket.read(4_000)
        return reader.backlog < 100_000
      })
    send(90_000, to: other, at: start)
    #expect(backlogs.isOverTotal)
    #expect(backlogs.excess().isEmpty && !backlogs.isOverTotal)
    withExtendedLifetime(socket) {}
  }

  @Test("over the sum of all, the largest are closed until a tenth is free, and no more")
  mutating func total() {
    var sessions: [Session] = []
    var sockets: [TestSocket] = []
    for (number, size) in [40_000, 90_000, 60_000, 30_000].enumerated() {
      let (session, socket) = bench.session(number, buffer: 4_608)
      sessions.append(session)
      sockets.append(socket)
      send(size, to: session, at: start)
    }
    #expect(!backlogs.isOverTotal && backlogs.excess().isEmpty)
    send(80_000, to: sessions[2], at: start)
    #expect(backlogs.isOverTotal)
    #expect(backlogs.excess().map(\.id) == [sessions[2].id])
    backlogs.limits.total = ByteCount(100_000)
    #expect(backlogs.excess().map(\.id) == [sessions[2].id, sessions[1].id])
    for victim in backlogs.excess() { backlogs.forget(victim.id) }
    #expect(backlogs.total <= 90_000 && !backlogs.isOverTotal)
    withExtendedLifetime(sockets) {}
  }

  @Test("public lines wait for readers that go on reading, those of peers that send much first")
  mutating func held() {
    backlogs.limits.total = ByteCount.mebibytes(200)
    backlogs.limits.hard = ByteCount.mebibytes(60)
    backlogs.limits.soft = ByteCount.mebibytes(100)
    let (session, socket) = bench.session(0, buffer: 4_608)
    send(7 << 20, to: session, at: start)
    #expect(backlogs.held(readers: 10) == .nothing)
    send(2 << 20, to: session, at: start)
    // Bulk lines wait above 64 KiB per reader, and at least 8 MiB.
    #expect(backlogs.held(readers: 10) == .bulk && backlogs.held(readers: 200) == .nothing)
    send(17 << 20, to: session, at: start)
    #expect(backlogs.held(readers: 10_000) == .bulk)
    send(26 << 20, to: session, at: start)
    #expect(backlogs.held(readers: 10) == .all)
    // Public lines do not wait for a reader that takes nothing.
    #expect(backlogs.measure(at: start + .milliseconds(4_999)).isEmpty)
    #expect(backlogs.held(readers: 10) == .all)
    #expect(backlogs.measure(at: start + .seconds(5)).isEmpty)
    #expect(backlogs.held(readers: 10) == .nothing)
    withExtendedLifetime(socket) {}
  }

  /// Lets the session's reader read until the backlog shrinks.
  private func read(_ session: Session, _ socket: TestSocket) {
    let before = session.backlog
    let hasTaken = bench.loop.turns(until: {
      _ = socket.read(3_000)
      return session.backlog < before
    })
    #expect(hasTaken)
  }

  @Test("readers that hold up all public lines for ten seconds are closed, the largest first")
  mutating func heldTooLong() {
    backlogs.limits.total = ByteCount.mebibytes(16)
    backlogs.limits.hard = ByteCount.mebibytes(8)
    let (large, largeSocket) = bench.session(0, buffer: 4_608)
    let (small, smallSocket) = bench.session(1, buffer: 4_608)
    send(3 << 20, to: large, at: start)
    send(2 << 20, to: small, at: start)
    for second in 0...9 {
      read(large, largeSocket)
      read(small, smallSocket)
      #expect(backlogs.measure(at: start + .seconds(second)).isEmpty)
      #expect(backlogs.held(readers: 2) == .all)
    }
    read(large, largeSocket)
    read(small, smallSocket)
    #expect(backlogs.measure(at: start + .seconds(10)).map(\.id) == [large.id])
    withExtendedLifetime(smallSocket) {}
  }

  @Test("a reader at half of its limit holds up bulk lines, for a minute")
  mutating func largeReader() {
    backlogs.limits.total = ByteCount.mebibytes(512)
    backlogs.limits.soft = ByteCount.mebibytes(1)
    let (session, socket) = bench.session(0, buffer: 4_608)
    send(80_000, to: session, at: start)
    #expect(backlogs.measure(at: start).isEmpty && backlogs.held(readers: 1) == .bulk)
    for second in 1...70 {
      while session.backlog < 70_000 { send(5_000, to: session, at: start) }
      read(session, socket)
      #expect(backlogs.measure(at: start + .seconds(second)).isEmpty)
      #expect(backlogs.held(readers: 1) == (second < 60 ? .bulk : .nothing))
    }
  }

  @Test(
    "the sum is memory: what the allocator holds, within a tenth",
    .enabled(if: allocations_of_this_thread() >= 0),
    arguments: [[27], [66_000], [200_000], Array(repeating: 400, count: 500), [5_000, 40_000, 27]])
  func memory(sizes: [Int]) throws {
    var sessions: [(Session, TestSocket)] = []
    for number in 0..<20 {
      let (session, socket) = bench.session(number, buffer: 4_608)
      sessions.append((session, socket))
      // Fills the kernel's buffer.
      while session.backlog == 0 {
        [UInt8](repeating: 120, count: 1_000).withView { _ = session.send($0) }
      }
      session.discardOutput()
    }
    let long = [UInt8](repeating: 120, count: 200_000)
    let before = bytes_held_by_this_thread()
    for (session, _) in sessions {
      for size in sizes { Array(long[..<size]).withView { _ = session.send($0) } }
    }
    let held = bytes_held_by_this_thread() - before
    let counted = sessions.reduce(0) { $0 + $1.0.backlogMemory }
    #expect(
      counted > held / 10 * 9 && counted < held / 10 * 11, "\(counted) counted, \(held) held")
    withExtendedLifetime(sessions) {}
  }
}

@Suite("Return of free memory")
struct MemoryReturnTests {
  @Test("A peak of connections has passed when nine of ten have left, and is reported once")
  func many() {
    var memory = HeapTrimmer()
    for (count, hasLeft) in [
      (255, false), (0, false), (256, false), (26, false), (25, true), (25, false), (0, false),
      (1_000, false), (101, false), (100, true), (999, false), (0, true),
    ] { #expect(memory.hasPeakPassed(count) == hasLeft, "\(count)") }
  }

  @Test("is given back once a megabyte is free, and not more often than every five seconds")
  func due() {
    var memory = HeapTrimmer()
    let start = Instant(nanoseconds: 0)
    let size = ByteCount.mebibytes(2).bytes
    memory.note(size)
    let notYet = memory.isDue(with: size / 2 + 1, at: start)
    let due = memory.isDue(with: 0, at: start)
    let again = memory.isDue(with: 0, at: start + .seconds(10))
    #expect(!notYet && due && !again)
    memory.note(size)
    let early = memory.isDue(with: 0, at: start + .seconds(4))
    let late = memory.isDue(with: 0, at: start + .seconds(5))
    #expect(!early && late)
  }
}
