/// The budgets of circuits, which outlive connections.
import Testing
import Units

@testable import Directory
@testable import Wire

@Suite("Budgets of circuits")
struct CircuitBudgetTests {
  private let start = Instant(nanoseconds: 1_000_000_000_000)
  private var rates: CircuitBudgets.Rates {
    CircuitBudgets.Rates(orderbookRequests: Rate(count: 6, per: .seconds(60), burst: 2))
  }

  @Test("each circuit and kind has its own budget; without a circuit or a limit nothing is refused")
  func kinds() {
    var budgets = CircuitBudgets(rates: rates)
    let a = CircuitID(value: 1)
    func take(_ kind: CircuitBudgets.Kind, _ circuit: CircuitID?) -> Bool {
      budgets.take(kind, of: circuit, at: start)
    }
    #expect(take(.orderbookRequests, a) && take(.orderbookRequests, a))
    #expect(!take(.orderbookRequests, a) && take(.orderbookRequests, CircuitID(value: 2)))
    for _ in 0..<100 { #expect(take(.publicLines, a) && take(.orderbookRequests, nil)) }
    #expect(budgets.used(.orderbookRequests, of: a, at: start) == 2)
    #expect(budgets.used(.orderbookRequests, of: a, at: start + .seconds(10)) == 1)
    let isTaken = budgets.take(.orderbookRequests, of: a, at: start + .seconds(10))
    #expect(isTaken)
    #expect(budgets.refusals[CircuitBudgets.Kind.orderbookRequests.rawValue] == 1)
  }

  @Test("a circuit is remembered for a window, and their number is bounded")
  func memory() {
    var budgets = CircuitBudgets(rates: rates, capacity: 100)
    let a = CircuitID(value: 1)
    for _ in 0..<3 { _ = budgets.take(.orderbookRequests, of: a, at: start) }
    for n in UInt32(2)..<100 {
      _ = budgets.take(.orderbookRequests, of: CircuitID(value: n), at: start)
    }
    #expect(budgets.take(.orderbookRequests, of: a, at: start) == false)
    // The next generation has begun, and the previous one is still remembered.
    _ = budgets.take(.orderbookRequests, of: CircuitID(value: 100), at: start)
    #expect(budgets.take(.orderbookRequests, of: a, at: start) == false)
    for n in 0..<10_000 {
      _ = budgets.take(.orderbookRequests, of: CircuitID(value: UInt32(1_000 + n)), at: start)
      #expect(budgets.count <= 200)
    }
    for _ in 0..<3 { _ = budgets.take(.orderbookRequests, of: a, at: start) }
    let later = start + CircuitBudgets.window * 2
    _ = budgets.take(.orderbookRequests, of: CircuitID(value: 5), at: later)
    #expect(budgets.take(.orderbookRequests, of: a, at: later) == true)
  }

  @Test("a new nick on the same circuit gets the remaining budget of the last one")
  func outlivesConnection() {
    var limits = Limits()
    limits.orderbookRequests = Rate(count: 6, per: .seconds(60), burst: 2)
    limits.fanout = .unlimited
    let harness = DirectoryHarness(limits: limits)
    let reader = harness.join(DirectoryHarness.nick(1))
    for n in 2..<5 {
      guard let id = harness.connect() else { preconditionFailure("no place") }
      harness.identify(id, circuit: 9)
      harness.send(793, DirectoryHarness.handshake(DirectoryHarness.nick(n)), from: id)
      for _ in 0..<2 {
        harness.send(687, "\(DirectoryHarness.nick(n))!PUBLIC!orderbook", from: id)
      }
      harness.leave(id)
    }
    // A circuit may send twice as many requests as one connection.
    #expect(harness.read(reader).filter { $0.contains("687") }.count == 4)
    #expect(harness.dropped(.circuitRate) == 2)
  }

  @Test("connections of a circuit that opens too many are closed at once, those of others are not")
  func handshakes() {
    let harness = DirectoryHarness(limits: Limits())
    func comeAndGo(_ circuit: UInt32) -> PeerID {
      guard let id = harness.connect() else { preconditionFailure("no place") }
      harness.identify(id, circuit: circuit)
      return id
    }
    for _ in 0..<32 {
      let id = comeAndGo(1)
      #expect(harness.isHere(id))
      harness.leave(id)
    }
    let refused = comeAndGo(1)
    #expect(harness.endings[refused] == .circuitRate)
    #expect(harness.isHere(comeAndGo(2)))
    harness.skip(.seconds(2))
    #expect(harness.isHere(comeAndGo(1)))
  }
}
