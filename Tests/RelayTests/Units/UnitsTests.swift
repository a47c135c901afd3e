import Testing

@testable import Units

@Suite struct UnitsTests {
  @Test("An instant and a duration add up, and the difference of instants is that duration")
  func instants() {
    let start = Instant(nanoseconds: 5)
    let later = start + .milliseconds(1500)
    #expect(later.nanoseconds == 1_500_000_005)
    #expect(later - start == .milliseconds(1500))
    #expect(start - later == .milliseconds(-1500))
    #expect(start < later)
    #expect((later - start).seconds == 1.5)
    #expect(Duration.seconds(-2).nanoseconds == -2_000_000_000)
  }

  @Test("Byte counts are in powers of 1,024 and compare by size")
  func byteCounts() {
    #expect(ByteCount.kibibytes(3).bytes == 3072)
    #expect(ByteCount.mebibytes(8).bytes == 8_388_608)
    #expect(ByteCount(1023) < ByteCount.kibibytes(1))
  }
}
