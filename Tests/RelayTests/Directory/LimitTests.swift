/// The rates of promises.md, "Never let in", each from both sides.
import Testing

@testable import Directory

@Suite("Rates")
struct LimitTests {
  private func stage(_ change: (inout Limits) -> Void) -> DirectoryHarness {
    var limits = Limits()
    change(&limits)
    return DirectoryHarness(limits: limits)
  }

  @Test("messages: a burst passes, the next is dropped, and a hundredth of a second buys one")
  func messages() {
    let stage = stage { _ in }
    let id = stage.join(DirectoryHarness.nick(1))
    for _ in 0..<1_000 { stage.say(798, "", from: id) }
    #expect(stage.read(id).count == 1_000 && stage.dropped(.rate) == 0)
    stage.say(798, "", from: id)
    #expect(stage.read(id).isEmpty && stage.dropped(.rate) == 1)
    stage.skip(.microseconds(9_999))
    stage.say(798, "", from: id)
    #expect(stage.read(id).isEmpty)
    stage.skip(.microseconds(1))
    stage.say(798, "", from: id)
    stage.say(798, "", from: id)
    #expect(stage.read(id).count == 1)
    #expect(stage.directory.counters.rateViolations == 3 && stage.isHere(id))
  }

  @Test("a bucket never holds more than its burst, however long it stood")
  func burst() {
    let stage = stage { $0.messages = Rate(count: 10, per: .seconds(1), burst: 5) }
    let id = stage.join(DirectoryHarness.nick(1))
    stage.skip(.seconds(100))
    for _ in 0..<20 { stage.say(798, "", from: id) }
    #expect(stage.read(id).count == 5)
  }

  @Test("violations end a connection only where they are limited, at exactly that many")
  func violations() {
    let stage = stage {
      $0.messages = Rate(count: 1, per: .seconds(1), burst: 1)
      $0.violations = 3
    }
    let id = stage.join(DirectoryHarness.nick(1))
    for _ in 0..<3 { stage.say(798, "", from: id) }
    #expect(stage.isHere(id))
    stage.say(798, "", from: id)
    #expect(stage.endings[id] == .rate)
    stage.directory.limits.violations = 0
    let other = stage.join(DirectoryHarness.nick(2))
    for _ in 0..<1_000 { stage.say(798, "", from: other) }
    #expect(stage.isHere(other))
  }

  @Test("violations are counted up to as many as there is room for, and no further")
  func countless() throws {
    let stage = stage { $0.messages = Rate(count: 1, per: .seconds(1_000), burst: 1) }
    let id = stage.join(DirectoryHarness.nick(1))
    let index = try #require(stage.directory.registry.index(of: id))
    stage.directory.registry[index].violations = .max - 1
    for _ in 0..<5 { stage.say(798, "", from: id) }
    #expect(stage.isHere(id) && stage.directory.registry[index].violations == .max)
  }

  @Test("after a reload nobody owes what the old rate asked for")
  func reloaded() {
    let stage = stage {
      $0.publicFrames = Rate(count: 1, per: .seconds(60), burst: 120)
      $0.fanout = FanOutBudget.Limits(deliveries: 1, bytes: 0, orderbookRequests: 0)
      $0.waiting.perFlow = .mebibytes(1)
    }
    let id = stage.join(DirectoryHarness.nick(1))
    let others = (2...9).map { stage.join(DirectoryHarness.nick($0)) }
    for _ in 0..<120 { stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id) }
    #expect(stage.read(others[0]).count == 1)
    stage.directory.limits.publicFrames = Rate(count: 60, per: .seconds(60), burst: 2)
    stage.directory.limits.fanout = FanOutBudget.Limits(orderbookRequests: 0)
    stage.pass(.seconds(2))
    #expect(stage.read(others[0]).count == 119)
    // Its burst is used up, and no more than that: a second buys the next.
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id)
    stage.skip(.seconds(1))
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id)
    #expect(stage.read(others[0]).count == 1)
  }

  @Test("public lines: 120 at once, then one every two seconds; private ones do not count")
  func publicLines() {
    let stage = stage { _ in }
    let id = stage.join(DirectoryHarness.nick(1))
    let reader = stage.join(DirectoryHarness.nick(2))
    for _ in 0..<125 { stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id) }
    #expect(stage.read(reader).count == 120 && stage.dropped(.publicRate) == 5)
    stage.say(685, "\(DirectoryHarness.nick(1))!\(DirectoryHarness.nick(2))!x", from: id)
    #expect(stage.read(reader).count == 1)
    stage.skip(.milliseconds(1_999))
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    #expect(stage.read(reader).isEmpty)
    stage.skip(.milliseconds(1))
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    #expect(stage.read(reader).count == 1)
    // What reached nobody for its form costs nothing.
    stage.skip(.seconds(2))
    for _ in 0..<5 { stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC", from: id) }
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    #expect(stage.read(reader).count == 1)
  }

  @Test("offers in a line that is dropped are not tracked")
  func droppedOffers() {
    let stage = stage { $0.publicFrames = Rate(count: 1, per: .seconds(60), burst: 1) }
    let id = stage.join(DirectoryHarness.nick(1))
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!reloffer 0", from: id)
    let reader = stage.join(DirectoryHarness.nick(2))
    #expect(stage.list(reader) == [DirectoryHarness.frame(789, "")])
  }

  @Test("six requests for the order book a minute, from a bucket of their own")
  func orderbook() {
    let stage = stage { _ in }
    let id = stage.join(DirectoryHarness.nick(1))
    let reader = stage.join(DirectoryHarness.nick(2))
    for _ in 0..<8 { stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!orderbook", from: id) }
    #expect(stage.read(reader).count == 6 && stage.dropped(.orderbookRate) == 2)
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello!orderbook", from: id)
    #expect(stage.read(reader).isEmpty && stage.dropped(.orderbookRate) == 3)
    stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!hello", from: id)
    #expect(stage.read(reader).count == 1)
    stage.skip(.seconds(10))
    for _ in 0..<2 { stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!orderbook", from: id) }
    #expect(stage.read(reader).count == 1)
  }

  @Test("six lists a minute; one that is ignored for another under way costs nothing")
  func lists() {
    let stage = stage { _ in }
    let id = stage.join(DirectoryHarness.nick(1))
    for _ in 0..<6 { #expect(stage.list(id).count == 1) }
    stage.say(791, "", from: id)
    #expect(stage.lists.count == 6 && stage.dropped(.peerlistRate) == 1)
    stage.skip(.seconds(10))
    stage.say(791, "", from: id)
    for _ in 0..<10 { stage.say(791, "", from: id) }
    #expect(stage.lists.count == 7 && stage.dropped(.listUnderWay) == 10)
  }

  @Test("nought turns a limit off")
  func off() {
    let none = Rate(count: 0, per: .seconds(60), burst: 0)
    let stage = stage {
      $0.messages = none
      $0.publicFrames = none
      $0.orderbookRequests = none
      $0.peerlistRequests = none
      $0.publicBytes = none
      $0.fanout = .unlimited
    }
    let id = stage.join(DirectoryHarness.nick(1))
    let reader = stage.join(DirectoryHarness.nick(2))
    for _ in 0..<2_000 {
      stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!orderbook", from: id)
      stage.say(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: id)
      _ = stage.list(id)
    }
    #expect(stage.read(reader).count == 4_000 && stage.lists.count == 2_000)
  }

  @Test("one peer's excess costs another nothing")
  func apart() {
    let stage = stage { $0.messages = Rate(count: 1, per: .seconds(1), burst: 2) }
    let loud = stage.join(DirectoryHarness.nick(1))
    let quiet = stage.join(DirectoryHarness.nick(2))
    for _ in 0..<100 { stage.say(798, "", from: loud) }
    stage.say(798, "", from: quiet)
    #expect(stage.read(quiet) == [DirectoryHarness.pong])
  }

  // MARK: The fan-out budget

  @Test("public frames past the fan-out budget wait their turn, in order, and private ones do not")
  func fanout() {
    let stage = stage {
      // Two receivers a frame: one frame a second.
      $0.fanout = FanOutBudget.Limits(deliveries: 2, bytes: 0, orderbookRequests: 0)
      $0.strangerTime = .zero
    }
    let speaker = stage.join(DirectoryHarness.nick(1))
    let reader = stage.join(DirectoryHarness.nick(2))
    stage.join(DirectoryHarness.nick(3))
    let toReader = "\(DirectoryHarness.nick(1))!\(DirectoryHarness.nick(2))!x"
    func text(_ n: Int) -> String { "\(DirectoryHarness.nick(1))!PUBLIC!\(n)" }
    func line(_ n: Int) -> String { DirectoryHarness.frame(687, text(n)) }
    for n in 1...3 { stage.say(687, text(n), from: speaker) }
    stage.say(685, toReader, from: speaker)
    #expect(stage.read(reader) == [line(1), DirectoryHarness.frame(685, toReader)])
    stage.pass(.seconds(1))
    #expect(stage.read(reader) == [line(2)] && stage.read(speaker).isEmpty)
    stage.directory.limits.fanout = .unlimited
    stage.say(687, text(4), from: speaker)
    // Nobody overtakes those that wait.
    #expect(stage.read(reader).isEmpty)
    stage.pass(.zero)
    #expect(stage.read(reader) == [line(3), line(4)])
  }

  @Test("what a peer left waiting goes out behind it, and what one may have waiting is bounded")
  func fanoutQueue() {
    let stage = stage {
      $0.fanout = FanOutBudget.Limits(deliveries: 1, bytes: 0, orderbookRequests: 0)
      $0.messages = .unlimited
      $0.publicFrames = .unlimited
      $0.publicBytes = .unlimited
    }
    let speaker = stage.join(DirectoryHarness.nick(1))
    let reader = stage.join(DirectoryHarness.nick(2))
    let long = "\(DirectoryHarness.nick(1))!PUBLIC!" + String(repeating: "x", count: 30_000)
    for _ in 0..<20 { stage.say(687, long, from: speaker) }
    #expect(stage.read(reader).count == 1)
    let size = DirectoryHarness.frame(687, long).utf8.count + 2 + FairQueue.overhead
    let kept = stage.directory.limits.waiting.perFlow.bytes / size
    #expect(stage.dropped(.fanoutQueue) == 20 - 1 - kept)
    #expect(stage.directory.publicLines.bytes == kept * size)
    let waiting = stage.directory.publicLines.count
    stage.leave(speaker)
    stage.directory.limits.fanout = .unlimited
    stage.pass(.seconds(1))
    let rest = stage.read(reader)
    #expect(rest.count == waiting + 1)
    #expect(rest.last?.contains(";D") == true && stage.directory.publicLines.isEmpty)
    #expect(stage.directory.publicLines.bytes == 0)
  }
}
