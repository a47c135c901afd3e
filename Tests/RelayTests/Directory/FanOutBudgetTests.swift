import Testing
import Units

@testable import Directory
@testable import Wire

@Suite("The fan-out budget")
struct FanOutBudgetTests {
  private let start = Instant(nanoseconds: 1_000_000_000_000)

  private func cost(_ receivers: Int, makers: Int? = nil) -> FanOutBudget.Cost {
    FanOutBudget.Cost(receivers: receivers, bytes: 100, makers: makers)
  }

  @Test("deliveries and bytes a second are limited, and one line may go into debt")
  func rates() {
    var budget = FanOutBudget(
      FanOutBudget.Limits(deliveries: 1_000, bytes: 0, orderbookRequests: 0))
    #expect(budget.take(cost(500), isStranger: false, at: start) == true)
    #expect(budget.take(cost(1), isStranger: false, at: start + .milliseconds(449)) == false)
    #expect(budget.take(cost(1), isStranger: false, at: start + .milliseconds(460)) == true)
    budget.limits = FanOutBudget.Limits(deliveries: 0, bytes: 100_000, orderbookRequests: 0)
    #expect(budget.take(cost(500), isStranger: false, at: start) == true)
    #expect(budget.take(cost(1), isStranger: false, at: start + .milliseconds(449)) == false)
    #expect(budget.take(cost(1), isStranger: false, at: start + .milliseconds(460)) == true)
    budget.limits = .unlimited
    for _ in 0..<1_000 {
      #expect(budget.take(cost(10_000, makers: 9_000), isStranger: true, at: start) == true)
    }
  }

  @Test("many strangers leave a quarter of the budget to established peers")
  func strangers() {
    var budget = FanOutBudget(
      FanOutBudget.Limits(deliveries: 1_000, bytes: 0, orderbookRequests: 0))
    var passed = [0, 0]
    for step in 0..<10_000 {
      let now = start + .milliseconds(step)
      if budget.take(cost(1), isStranger: true, at: now) { passed[0] += 1 }
      if step % 4 == 0, budget.take(cost(1), isStranger: false, at: now) { passed[1] += 1 }
    }
    #expect((7_400...7_700).contains(passed[0]))
    #expect(passed[1] >= 2_400)
  }

  @Test("requests for the order book have their own limit, lower with more makers than answers")
  func requests() {
    func passed(_ makers: Int) -> Int {
      var budget = FanOutBudget(
        FanOutBudget.Limits(deliveries: 0, bytes: 0, orderbookRequests: 120, answers: 1_000))
      var count = 0
      for second in 0..<600 {
        while budget.take(cost(1, makers: makers), isStranger: false, at: start + .seconds(second))
        {
          count += 1
        }
      }
      return count
    }
    #expect((1_200...1_220).contains(passed(100)))
    #expect((600...620).contains(passed(1_000)))
    #expect((60...70).contains(passed(10_000)))
  }

  @Test("it is halved at most once a second under pressure, and widens by 5 % a second without")
  func adapting() {
    var budget = FanOutBudget()
    budget.adapt(to: .loopLag, at: start)
    #expect(budget.share == 0.5 && budget.pressure == .loopLag && budget.narrowings == 1)
    budget.adapt(to: .backlogs, at: start + .milliseconds(999))
    #expect(budget.share == 0.5 && budget.narrowings == 1)
    for n in 1...10 { budget.adapt(to: .backlogs, at: start + .seconds(n)) }
    #expect(budget.share == FanOutBudget.leastShare && budget.pressure == .backlogs)
    for n in 11...40 { budget.adapt(to: .none, at: start + .seconds(n)) }
    #expect(budget.share == 1 && budget.pressure == .none)
  }

  @Test("at its narrowest it leaves four times as much to those who are no strangers")
  func narrowest() {
    func passed(_ isStranger: Bool) -> Int {
      var budget = FanOutBudget()
      for n in 1...6 { budget.adapt(to: .loopLag, at: start + .seconds(n)) }
      let cost = FanOutBudget.Cost(receivers: 100, bytes: 1)
      // A thousand looks in a second.
      return (0..<1_000).count {
        budget.take(cost, isStranger: isStranger, at: start + .seconds(6) + .milliseconds($0))
      }
    }
    #expect((250...265).contains(passed(false)))
    #expect((45...52).contains(passed(true)))
  }

  @Test("peers that send much share one small budget, and the other peers keep theirs")
  func bulk() {
    var budget = FanOutBudget()
    func take(_ count: Int, at time: Instant) -> Bool {
      let cost = FanOutBudget.Cost(receivers: 1, bytes: count, isBulk: true)
      return budget.take(cost, isStranger: false, at: time)
    }
    // The burst, and one line in debt.
    #expect((0..<4).map { _ in take(32 << 10, at: start) } == [true, true, false, false])
    #expect(budget.take(cost(1), isStranger: false, at: start) == true)
    #expect(!take(1, at: start) && take(1, at: start + .seconds(1)))
    budget.limits = .unlimited
    for _ in 0..<100 { #expect(take(64 << 10, at: start)) }
  }

  @Test("a flood of long lines waits, and the lines of other peers overtake it")
  func flood() {
    var limits = Limits()
    limits.strangerTime = .zero
    let harness = DirectoryHarness(limits: limits)
    let flooder = harness.join(DirectoryHarness.nick(1))
    let speaker = harness.join(DirectoryHarness.nick(2))
    let reader = harness.join(DirectoryHarness.nick(3))
    let long = String(repeating: "x", count: 30_000)
    for n in 0..<7 {
      harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!\(n) \(long)", from: flooder)
    }
    // Three lines fit: the burst of 64 KiB, and one line in debt.
    #expect(harness.read(reader).count == 3)
    harness.send(687, "\(DirectoryHarness.nick(2))!PUBLIC!a", from: speaker)
    harness.pass(.milliseconds(20))
    #expect(harness.read(reader).map { $0.hasSuffix("!a\"}") } == [true])
    harness.wait(.seconds(30))
    let rest = harness.read(reader).compactMap { $0.split(separator: "!").last?.first }
    #expect(rest == ["3", "4", "5", "6"])
    // After a pause a line is sent at once again.
    harness.wait(.seconds(300))
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!b", from: flooder)
    #expect(harness.read(reader).count == 1)
  }

  @Test("backlogs that are large hold only the lines of peers that send much")
  func heldBulk() {
    let harness = DirectoryHarness(limits: Limits())
    let flooder = harness.join(DirectoryHarness.nick(1))
    let speaker = harness.join(DirectoryHarness.nick(2))
    let reader = harness.join(DirectoryHarness.nick(3))
    harness.directory.publicLines.held = .bulk
    let long = String(repeating: "x", count: 9_000)
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!\(long)", from: flooder)
    harness.send(687, "\(DirectoryHarness.nick(2))!PUBLIC!a", from: speaker)
    harness.pass(.milliseconds(20))
    #expect(harness.read(reader).map { $0.hasSuffix("!a\"}") } == [true])
    harness.directory.publicLines.held = .nothing
    harness.pass(.milliseconds(20))
    #expect(harness.read(reader).count == 1)
  }

  @Test("without a limit of bytes, no line waits before a quarter of MAX_BACKLOG")
  func heldWithoutLimit() {
    var limits = Limits()
    limits.fanout = .unlimited
    let harness = DirectoryHarness(limits: limits)
    let sender = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    let long = String(repeating: "x", count: 9_000)
    for (held, count) in [(PublicLines.Held.bulk, 1), (.all, 0)] {
      harness.directory.publicLines.held = held
      harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!\(long)", from: sender)
      #expect(harness.read(reader).count == count)
    }
  }

  @Test("a restart keeps the debt of each bucket, including that of peers that send much")
  func handedOver() {
    var budget = FanOutBudget()
    let cost = FanOutBudget.Cost(receivers: 1, bytes: 1 << 20, isBulk: true)
    let isTaken = budget.take(cost, isStranger: true, at: start)
    #expect(isTaken)
    var next = FanOutBudget()
    next.restore(budget.state)
    #expect(next.state == budget.state)
    #expect(!next.mayTakeBulk(at: start + .seconds(1)) && FanOutBudget().mayTakeBulk(at: start))
  }

  @Test("while broadcasts are being sent in portions, public lines wait for their turn")
  func sending() {
    let harness = DirectoryHarness(limits: Limits())
    let speaker = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    harness.directory.publicLines.isSending = true
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!a", from: speaker)
    harness.pass(.seconds(1))
    #expect(harness.read(reader).isEmpty)
    harness.directory.publicLines.isSending = false
    harness.pass(.milliseconds(20))
    #expect(harness.read(reader).count == 1)
  }

  @Test("backlogs over their share hold all public lines, but no private ones")
  func held() {
    let harness = DirectoryHarness(limits: Limits())
    let speaker = harness.join(DirectoryHarness.nick(1))
    let reader = harness.join(DirectoryHarness.nick(2))
    harness.directory.publicLines.held = .all
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!a", from: speaker)
    harness.send(
      685, "\(DirectoryHarness.nick(1))!\(DirectoryHarness.nick(2))!b", from: speaker)
    harness.pass(.seconds(1))
    #expect(harness.read(reader).map { $0.hasSuffix("!b\"}") } == [true])
    harness.directory.publicLines.held = .nothing
    harness.pass(.seconds(1))
    #expect(harness.read(reader).map { $0.hasSuffix("!a\"}") } == [true])
  }

  @Test(
    "a second !orderbook while the first waits is dropped; a peer with one request goes first")
  func many() {
    var limits = Limits()
    limits.fanout = FanOutBudget.Limits(deliveries: 0, bytes: 0, orderbookRequests: 60)
    let harness = DirectoryHarness(limits: limits)
    let maker = harness.join(DirectoryHarness.nick(1))
    let many = (2..<22).map { harness.join(DirectoryHarness.nick($0)) }
    for (n, id) in many.enumerated() {
      for _ in 0..<6 {
        harness.send(687, "\(DirectoryHarness.nick(n + 2))!PUBLIC!orderbook", from: id)
      }
    }
    #expect(harness.dropped(.waitingAlready) > 80)
    harness.forgetAll()
    let taker = harness.join(DirectoryHarness.nick(50))
    harness.send(687, "\(DirectoryHarness.nick(50))!PUBLIC!orderbook", from: taker)
    harness.wait(.seconds(2))
    #expect(harness.read(maker).contains { $0.contains(DirectoryHarness.nick(50)) })
    // A maker gets no more than the limit and its burst.
    harness.wait(.seconds(58))
    #expect(harness.read(maker).count <= 66)
  }

  @Test("an established peer does not wait behind strangers, and its lines stay in order")
  func others() {
    var limits = Limits()
    limits.fanout = FanOutBudget.Limits(deliveries: 1_000, bytes: 0, orderbookRequests: 0)
    let harness = DirectoryHarness(limits: limits)
    let nick = DirectoryHarness.nick
    let maker = harness.join(nick(1))
    let reader = harness.join(nick(2))
    harness.skip(.seconds(170))
    let late = harness.join(nick(3))
    harness.skip(.seconds(10))
    // Thousands of lines of strangers wait.
    let many = (10..<60).map { harness.join(nick($0)) }
    for (number, id) in many.enumerated() {
      for _ in 0..<100 { harness.send(687, "\(nick(number + 10))!PUBLIC!x", from: id) }
    }
    harness.send(687, "\(nick(3))!PUBLIC!first", from: late)
    // This makes `late` an established peer. Its first line still waits.
    harness.send(685, "\(nick(1))!\(nick(3))!hello", from: maker)
    harness.forgetAll()
    // Waits until the debt of the last stranger's line is paid.
    harness.skip(.milliseconds(60))
    harness.send(687, "\(nick(3))!PUBLIC!second", from: late)
    harness.send(687, "\(nick(1))!PUBLIC!mine", from: maker)
    #expect(harness.read(reader) == [DirectoryHarness.frame(687, "\(nick(1))!PUBLIC!mine")])
    harness.wait(.seconds(60))
    let own = harness.read(reader).filter { $0.contains(nick(3)) }
    #expect(own.map { $0.hasSuffix("!first\"}") } == [true, false])
  }

  @Test("a circuit whose peers come and go waits behind a peer that sends one line")
  func departuresInTurn() throws {
    var limits = Limits()
    limits.fanout = FanOutBudget.Limits(deliveries: 1_000, bytes: 0, orderbookRequests: 0)
    let harness = DirectoryHarness(limits: limits)
    let nick = DirectoryHarness.nick
    let reader = harness.join(nick(1))
    var gone: [PeerID] = []
    for number in 10..<18 {
      let id = try #require(harness.connect())
      harness.identify(id, circuit: 7)
      harness.send(793, DirectoryHarness.handshake(nick(number), at: "a.test:\(number)"), from: id)
      gone.append(id)
    }
    let maker = harness.join(nick(2))
    harness.directory.publicLines.isSending = true
    for id in gone { harness.leave(id) }
    harness.send(687, "\(nick(2))!PUBLIC!x", from: maker)
    harness.forgetAll()
    harness.directory.publicLines.isSending = false
    harness.wait(.seconds(1))
    let received = harness.read(reader)
    // The last departure of the circuit decides the position of all its lines.
    #expect(
      received.count == 9 && received.first == DirectoryHarness.frame(687, "\(nick(2))!PUBLIC!x"))
  }

  @Test("the D entry of a nick that is in use again is not sent")
  func departures() {
    var limits = Limits()
    limits.fanout = FanOutBudget.Limits(deliveries: 1, bytes: 0, orderbookRequests: 0)
    limits.strangerTime = .zero
    let harness = DirectoryHarness(limits: limits)
    let readers = (1..<9).map { harness.join(DirectoryHarness.nick($0)) }
    let gone = harness.join(DirectoryHarness.nick(10), at: "a.test:1")
    let back = harness.join(DirectoryHarness.nick(11), at: "b.test:1")
    harness.send(687, "\(DirectoryHarness.nick(1))!PUBLIC!x", from: readers[0])
    harness.forgetAll()
    harness.leave(gone)
    harness.leave(back)
    #expect(harness.read(readers[1]).isEmpty)
    harness.join(DirectoryHarness.nick(11), at: "b.test:1")
    harness.wait(.seconds(60))
    #expect(
      harness.read(readers[1])
        == [DirectoryHarness.frame(789, "\(DirectoryHarness.nick(10));a.test:1;D")])
  }
}
