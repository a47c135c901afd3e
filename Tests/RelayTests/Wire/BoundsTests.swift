// A parser that miscounts must trap, in release builds too (`make test-release`), and never read
// other memory.

import Testing
import Units

@testable import Wire

@Suite("Bounds of borrowed bytes")
struct BoundsTests {
  /// Calls `body` with eight bytes that other bytes follow, so that a read past them would succeed.
  private static func withBytes(_ body: (ByteView) -> Void) {
    Array("12345678trailing".utf8).withUnsafeBytes {
      body(ByteView(UnsafeRawBufferPointer(start: $0.baseAddress, count: 8)))
    }
  }

  @Test("reads within the bounds return the right bytes")
  func inside() {
    Self.withBytes { bytes in
      #expect(text(bytes.part(0..<8)) == "12345678" && bytes.part(8..<8).isEmpty)
      #expect(text(bytes.part(3..<5)) == "45")
      #expect(JSONText.endOfPlainRun(bytes, from: 8) == 8)
      #expect(
        JSONText.fourDigits(bytes, at: 4) == 0x5678 && JSONText.fourDigits(bytes, at: 5) == nil)
      #expect(UTF8Character(bytes, at: 7)?.scalar == 0x38)
    }
    #expect(ByteView.none.part(0..<0).isEmpty)
  }

  @Test("a byte after the end traps")
  func character() async {
    await #expect(processExitsWith: .failure) {
      Self.withBytes { _ = UTF8Character($0, at: 8) }
    }
  }

  @Test("a byte before the beginning traps")
  func before() async {
    await #expect(processExitsWith: .failure) {
      Self.withBytes { _ = UTF8Character($0, at: -1) }
    }
  }

  @Test("a range past the end traps")
  func range() async {
    await #expect(processExitsWith: .failure) {
      Self.withBytes { print($0.part(4..<9).count) }
    }
  }

  @Test("a search that begins past the end traps")
  func search() async {
    await #expect(processExitsWith: .failure) {
      Self.withBytes { print(JSONText.endOfPlainRun($0, from: 9)) }
    }
  }
}
