/// The order in which new peers evict old ones.
import Testing
import Units

@testable import Directory
@testable import Wire

@Suite("The order of eviction")
struct EvictionOrderTests {
  private func candidate(_ serial: Int, _ circuit: UInt32?, isQuiet: Bool = false)
    -> EvictionOrder.Candidate
  {
    EvictionOrder.Candidate(
      id: PeerID(slot: Int32(serial), generation: 0), circuit: circuit.map { CircuitID(value: $0) },
      serial: UInt64(serial), isQuiet: isQuiet)
  }

  @Test("the youngest of the largest circuit is evicted repeatedly, quiet peers before all others")
  func order() {
    let order = EvictionOrder.order([
      candidate(1, 1), candidate(2, 1), candidate(3, 1), candidate(4, 2), candidate(5, 2),
      candidate(9, 3), candidate(6, 3, isQuiet: true), candidate(7, nil), candidate(8, nil),
    ]).map(\.slot)
    #expect(order == [6, 3, 9, 8, 5, 2, 7, 4, 1])
  }

  @Test("one search serves many evictions, and a search without a result is not repeated at once")
  func looks() {
    var queue = EvictionOrder()
    var looks = 0
    let start = Instant(nanoseconds: 1_000_000_000_000)
    func next(_ count: Int, _ now: Instant, gone: Int32 = -1) -> Int32? {
      queue.next(
        at: now,
        candidates: {
          looks += 1
          return (0..<count).map { candidate($0, UInt32($0 % 2)) }
        }, isStillOne: { $0.slot != gone })?.slot
    }
    #expect(next(0, start) == nil && next(0, start) == nil && looks == 1)
    let later = start + EvictionOrder.interval
    #expect(next(3, later) == 2)
    #expect(next(3, later, gone: 1) == 0)
    #expect(looks == 2)
    #expect(next(3, later) == nil && looks == 2)
    let last = later + EvictionOrder.interval
    for _ in 0..<EvictionOrder.batch * 3 { #expect(next(1_000, last) != nil) }
    #expect(looks == 5)
  }
}
