import Testing
import Units

@testable import EventLoop

@Suite("The loop's clock")
struct LoopClockTests {
  private var clock = LoopClock(at: Instant(nanoseconds: 0))

  private mutating func read(_ seconds: Double) -> Double {
    let time = clock.time(at: Instant(nanoseconds: Int64(seconds * 1e9)))
    return Double(time.nanoseconds) / 1e9
  }

  @Test("The clock of a running loop follows the system's time")
  mutating func running() {
    for tick in 1...100 { #expect(read(Double(tick) / 2) == Double(tick) / 2) }
    #expect(clock.lost == .zero)
  }

  @Test("A standstill does not count, nor does the second after it")
  mutating func standstill() {
    #expect(read(0.5) == 0.5)
    #expect(read(100.5) == 0.5)
    #expect(read(101) == 0.5)
    #expect(read(101.5) == 0.5)
    #expect(read(102) == 1)
    #expect(clock.lost == .seconds(101))
  }

  @Test("A reading older than the last one does not move the clock back")
  mutating func older() {
    #expect(read(0.5) == 0.5)
    #expect(read(0.496) == 0.5)
    #expect(read(0.504) == 0.504)
  }

  @Test("Many standstills add up, and the clock runs between them")
  mutating func again() {
    var system = 0.0
    var lived = 0.0
    for _ in 1...10 {
      for _ in 1...6 {
        system += 0.5
        lived = read(system)
      }
      system += 60
      #expect(read(system) == lived)
    }
    // Each round has three seconds, minus the second in which the clock stands still. The first
    // round has no standstill before it.
    #expect(abs(lived - (3 + 9 * 2)) < 0.001)
  }
}
