/// The limits that are in force, and their start times.
import Testing

@testable import Server
@testable import Units

@Suite("Limits in force")
struct LimitsInForceTests {
  @Test("a limit begins when it first applies and ends 30 s after it last applied")
  func spans() {
    let start = Instant(nanoseconds: 1_000_000_000_000)
    var limits = LimitsInForce()
    func update(_ active: Set<LimitsInForce.Kind>, _ seconds: Int) -> [LimitsInForce.Change] {
      limits.update(
        Dictionary(uniqueKeysWithValues: active.map { ($0, true) }), at: start + .seconds(seconds))
    }
    #expect(update([], 0) == [])
    #expect(update([.requestsWait], 1) == [.init(kind: .requestsWait, ended: nil)])
    #expect(update([.requestsWait], 11) == [])
    #expect(update([.circuits], 40) == [.init(kind: .circuits, ended: nil)])
    #expect(limits.all.map(\.kind) == [.requestsWait, .circuits])
    #expect(limits.all.map(\.start) == [start + .seconds(1), start + .seconds(40)])
    #expect(update([], 41) == [.init(kind: .requestsWait, ended: .seconds(10))])
    #expect(!limits.isInForce(.requestsWait) && limits.isInForce(.circuits))
  }
}
