#if os(Linux)
  import Testing

  @testable import RelayBench

  struct BudgetTests {
    private func verdict(
      _ name: BudgetRow, limit: Double, _ pairs: [(floor: Double?, relay: Double)]
    ) -> Verdict {
      Verdict(Budget.Limit(name: name, what: "", kind: .ratio, limit: limit), pairs)
    }

    @Test("The median of the paired ratios is compared with the limit, not the ratio of medians")
    func ratio() {
      // Ratios 1.0, 2.0, 1.1: one bad round does not decide.
      let pairs: [(floor: Double?, relay: Double)] = [(10, 10), (10, 20), (20, 22)]
      #expect(verdict(.burstTCP, limit: 1.1, pairs).met)
      #expect(!verdict(.burstTCP, limit: 1.09, pairs).met)
      #expect(verdict(.burstTCP, limit: 1.1, pairs).ratio?.highest == 2)
    }

    @Test("A row without a floor is compared by its own value")
    func absolute() {
      #expect(verdict(.idlePeer, limit: 1500, [(nil, 1400), (nil, 1500), (nil, 9000)]).met)
      #expect(!verdict(.idlePeer, limit: 1499, [(nil, 1400), (nil, 1500), (nil, 9000)]).met)
    }

    @Test("A missing measurement or a floor of zero is a miss")
    func nothing() {
      #expect(!verdict(.connect, limit: 1.5, []).met)
      #expect(!verdict(.connect, limit: 1.5, [(0, 1)]).met)
    }

    @Test("The committed budget has every row once")
    func committed() throws {
      let path = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
      let budget = try JSON.read(Budget.self, from: "/\(path)/budget.json")
      #expect(Set(budget.rows.map(\.name)) == Set(BudgetRow.allCases))
      #expect(budget.rows.count == BudgetRow.allCases.count)
    }

    @Test("Callgrind's total is read from its own line")
    func instructions() {
      #expect(
        Instructions.total(in: "events: Ir\nfn=(1) main\n16 400\n\ntotals: 40558024\n")
          == 40_558_024)
      #expect(Instructions.total(in: "events: Ir\n") == nil)
    }

    @Test("The image's length is read from the line of the stop")
    func imageBytes() {
      let log = """
        2026-11-28T18:00:00Z info relay: starting version=0.2.0 bytes=1
        2026-11-28T18:00:01Z info handover: handed over connections=2 bytes=1234 milliseconds=3
        """
      #expect(Restart.imageBytes(in: log) == 1234)
      #expect(Restart.imageBytes(in: "info relay: stopped") == nil)
    }

    @Test("Medians and percentiles are chosen by rank")
    func spread() {
      #expect(Spread([3, 1, 2]).median == 2)
      #expect(Spread([4, 1, 2, 3]).median == 2.5)
      #expect(Spread.percentile(0.99, of: Array(1...100)) == 99)
      #expect(Spread.percentile(0.5, of: [7]) == 7)
      #expect(Spread.percentile(1, of: [5, 9, 1]) == 9)
      #expect(Spread.percentile(0.5, of: []) == 0)
    }

    @Test("Figures are written without exponents and with their zeros")
    func numbers() {
      #expect(Report.number(0.0841) == "0.084")
      #expect(Report.number(12.049) == "12.05")
      #expect(Report.number(21_528_576) == "21528576")
      #expect(Report.fixed(-1.05, 1) == "-1.1")
      #expect(Report.number(.infinity) == "-")
    }
  }
#endif
