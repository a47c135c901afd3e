/// The rate limits of promises.md, "Never let in", each just below and just above it.
import Testing

@testable import Directory

@Suite("Rates")
struct LimitTests {
  private func harness(_ change: (inout Limits) -> Void) -> DirectoryHarness {
    var limits = Limits()
    change(&limits)
    return DirectoryHarness(limits: limits)
  }

  @Test("messages: a burst passes, the next one is dropped, and each 10 ms allow one more")
  func messages() {
    let harness = harness { _ in }
    let id = harness.join(DirectoryHarness.nick(1))
    for _ in 0..<1_000 { harness.send(798, "", from: id) }
    #expect(harness.read(id).count == 1_000 && harness.dropped(.rate) == 0)
    harness.send(798, "", from: id)
    #expect(harness.read(id).isEmpty && harness.dropped(.rate) == 1)
    harness.skip(.microseconds(9_999))
    harness.send(798, "", from: id)
    #expect(harness.read(id).isEmpty)
    harness.skip(.microseconds(1))
    harness.send(798, "", from: id)
    harness.send(798, "", from: id)
    #expect(harness.read(id).count == 1)
    #expect(harness.directory.counters.rateViolations == 3 && harness.isHere(id))
  }

  @Test("a bucket never holds more than its burst, even after a long pause")
  func burst() {
    let harness = harness { $0.messages = Rate(count: 10, per: .seconds(1), burst: 5) }
    let id = harness.join(DirectoryHarness.nick(1))
    harness.skip(.seconds(100))
    for _ in 0..<20 { harness.send(798, "", from: id) }
    #expect(harness.read(id).count == 5)
  }

  @Test("violations close a connection exactly at their limit, and never without one")
  func violations() {
    let harness = harness {
      $0.messages = Rate(count: 1, per: .seconds(1), burst: 1)
      $0.violations = 3
    }
    let id = harness.join(DirectoryHarness.nick(1))
    for _ in 0..<3 { harness.send(798, "", from: id) }
    #expect(harness.isHere(id))
    harness.send(798, "", from: id)
    #expect(harness.endings[id] == .rate)
    harness.directory.limits.violations = 0
    let other = harness.join(DirectoryHarness.nick(2))
    for _ in 0..<1_000 { harness.send(798, "", from: other) }
    #expect(harness.isHere(other))
  }

  @Test("the count of violations saturates")
  func countless() throws {
    let harness = harness { $0.messages = Rate(count: 1, per: .seconds(1_000), burst: 1) }
    let id = harness.join(DirectoryHarness.nick(1))
    let index = try #require(harness.directory.registry.index(of: id))
    harness.directory.registry[index].violations = .max - 1
    for _ in 0..<5 { harness.send(798, "", from: id) }
    #expect(harness.isHere(id) && harness.directory.registry[index].violations == .max)
  }

  @Test("a reload with a new rate drops the debts at the old one")
  func reloaded() {
    let harness = harness {
      $0.publicFrames = Rate(count: 1, per: .seconds(60), burst: 120)
      $0.fanout = FanOutBudget.Limits(deliveries: 1, bytes: 0, orderbookRequests: 0)
      $0.waiting.perFlow = .mebibytes(1)
    }
    let id = harness.join(DirectoryHarness.nick(1))
    let others = (2...9).map { harness.join(DirectoryHarness.nick($0)) }
    for _ in 0..<120 { harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id) }
    #expect(harness.read(others[0]).count == 1)
    harness.directory.limits.publicFrames = Rate(count: 60, per: .seconds(60), burst: 2)
    harness.directory.limits.fanout = FanOutBudget.Limits(orderbookRequests: 0)
    harness.pass(.seconds(2))
    #expect(harness.read(others[0]).count == 119)
    // The burst is used up without a debt: a second is enough for the next line.
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id)
    harness.skip(.seconds(1))
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id)
    #expect(harness.read(others[0]).count == 1)
  }

  @Test("public lines: 120 at once, then one every two seconds; private ones do not count")
  func publicLines() {
    let harness = harness { _ in }
    let id = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    for _ in 0..<125 { harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id) }
    #expect(harness.read(reader).count == 120 && harness.dropped(.publicRate) == 5)
    harness.send(685, "\(DirectoryHarness.nick(1))!\(DirectoryHarness.nick(2))!x", from: id)
    #expect(harness.read(reader).count == 1)
    harness.skip(.milliseconds(1_999))
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    #expect(harness.read(reader).isEmpty)
    harness.skip(.milliseconds(1))
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    #expect(harness.read(reader).count == 1)
    // A malformed line, which reaches no peer, costs nothing.
    harness.skip(.seconds(2))
    for _ in 0..<5 { harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC", from: id) }
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    #expect(harness.read(reader).count == 1)
  }

  @Test("offers in a line that is dropped are not tracked")
  func droppedOffers() {
    let harness = harness { $0.publicFrames = Rate(count: 1, per: .seconds(60), burst: 1) }
    let id = harness.join(DirectoryHarness.nick(1))
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!reloffer 0", from: id)
    let reader = harness.join(DirectoryHarness.nick(2))
    #expect(harness.list(reader) == [DirectoryHarness.frame(789, "")])
  }

  @Test("six requests for the order book a minute, from a bucket of their own")
  func orderbook() {
    let harness = harness { _ in }
    let id = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    for _ in 0..<8 { harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!orderbook", from: id) }
    #expect(harness.read(reader).count == 6 && harness.dropped(.orderbookRate) == 2)
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello!orderbook", from: id)
    #expect(harness.read(reader).isEmpty && harness.dropped(.orderbookRate) == 3)
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id)
    #expect(harness.read(reader).count == 1)
    harness.skip(.seconds(10))
    for _ in 0..<2 { harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!orderbook", from: id) }
    #expect(harness.read(reader).count == 1)
  }

  @Test("six lists a minute; a request that is ignored during another list costs nothing")
  func lists() {
    let harness = harness { _ in }
    let id = harness.join(DirectoryHarness.nick(1))
    for _ in 0..<6 { #expect(harness.list(id).count == 1) }
    harness.send(791, "", from: id)
    #expect(harness.lists.count == 6 && harness.dropped(.peerlistRate) == 1)
    harness.skip(.seconds(10))
    harness.send(791, "", from: id)
    for _ in 0..<10 { harness.send(791, "", from: id) }
    #expect(harness.lists.count == 7 && harness.dropped(.listUnderWay) == 10)
  }

  @Test("0 turns a limit off")
  func off() {
    let none = Rate(count: 0, per: .seconds(60), burst: 0)
    let harness = harness {
      $0.messages = none
      $0.publicFrames = none
      $0.orderbookRequests = none
      $0.peerlistRequests = none
      $0.publicBytes = none
      $0.fanout = .unlimited
    }
    let id = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    for _ in 0..<2_000 {
      harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!orderbook", from: id)
      harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
      _ = harness.list(id)
    }
    #expect(harness.read(reader).count == 4_000 && harness.lists.count == 2_000)
  }

  @Test("the excess of one peer does not count against another")
  func apart() {
    let harness = harness { $0.messages = Rate(count: 1, per: .seconds(1), burst: 2) }
    let loud = harness.join(DirectoryHarness.nick(1))
    let quiet = harness.join(DirectoryHarness.nick(2))
    for _ in 0..<100 { harness.send(798, "", from: loud) }
    harness.send(798, "", from: quiet)
    #expect(harness.read(quiet) == [DirectoryHarness.pong])
  }

  // MARK: The fan-out budget

  @Test("public frames over the fan-out budget wait in order, and private ones do not wait")
  func fanout() {
    let harness = harness {
      // Each frame has two receivers, so the budget is one frame a second.
      $0.fanout = FanOutBudget.Limits(deliveries: 2, bytes: 0, orderbookRequests: 0)
      $0.strangerTime = .zero
    }
    let speaker = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    harness.join(DirectoryHarness.nick(3))
    let toReader = "\(DirectoryHarness.nick(1))!\(DirectoryHarness.nick(2))!x"
    func text(_ n: Int) -> String { "\(DirectoryHarness.nick(1))!PUBLIC!\(n)" }
    func line(_ n: Int) -> String { DirectoryHarness.frame(687, text(n)) }
    for n in 1...3 { harness.send(687, text(n), from: speaker) }
    harness.send(685, toReader, from: speaker)
    #expect(harness.read(reader) == [line(1), DirectoryHarness.frame(685, toReader)])
    harness.pass(.seconds(1))
    #expect(harness.read(reader) == [line(2)] && harness.read(speaker).isEmpty)
    harness.directory.limits.fanout = .unlimited
    harness.send(687, text(4), from: speaker)
    // A new line does not overtake waiting ones.
    #expect(harness.read(reader).isEmpty)
    harness.pass(.zero)
    #expect(harness.read(reader) == [line(3), line(4)])
  }

  @Test("waiting lines are sent after their sender has left, and their size per sender is bounded")
  func fanoutQueue() {
    let harness = harness {
      $0.fanout = FanOutBudget.Limits(deliveries: 1, bytes: 0, orderbookRequests: 0)
      $0.messages = .unlimited
      $0.publicFrames = .unlimited
      $0.publicBytes = .unlimited
    }
    let speaker = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    let long = "\(DirectoryHarness.nick(1))!PUBLIC!" + String(repeating: "x", count: 30_000)
    for _ in 0..<20 { harness.send(687, long, from: speaker) }
    #expect(harness.read(reader).count == 1)
    let size = DirectoryHarness.frame(687, long).utf8.count + 2 + FairQueue.overhead
    let kept = harness.directory.limits.waiting.perFlow.bytes / size
    #expect(harness.dropped(.fanoutQueue) == 20 - 1 - kept)
    #expect(harness.directory.publicLines.bytes == kept * size)
    let waiting = harness.directory.publicLines.count
    harness.leave(speaker)
    harness.directory.limits.fanout = .unlimited
    harness.pass(.seconds(1))
    let rest = harness.read(reader)
    #expect(rest.count == waiting + 1)
    #expect(rest.last?.contains(";D") == true && harness.directory.publicLines.isEmpty)
    #expect(harness.directory.publicLines.bytes == 0)
  }
}
