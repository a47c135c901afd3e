/// The time for an answer starts when the probe has left.
import Testing

@testable import Directory
@testable import Server
@testable import Units

@Suite("Probes behind a backlog")
struct ProbeWatchTests {
  private let start = Instant(nanoseconds: 1_000_000_000_000)
  private let id = PeerID(slot: 1, generation: 0)

  private func look(_ watch: inout ProbeWatch, _ seconds: Double, _ unsent: Int) -> Bool {
    let now = start + .milliseconds(Int(seconds * 1_000))
    return watch.look(at: now) { _ in ProbeWatch.Figures(handed: 1_000_000, unsent: unsent) } == [
      id
    ]
  }

  private func watching() -> ProbeWatch {
    var watch = ProbeWatch()
    watch.add(id, at: start)
    watch.noteFlush { _ in 1_000_000 }
    return watch
  }

  @Test("a probe that has left starts the time once, whatever little the kernel still holds")
  func left() {
    var watch = watching()
    let hasLeft = look(&watch, 0.5, 4_000)
    #expect(hasLeft && watch.isEmpty)
  }

  @Test("a reader of any speed is waited for until it has come to the probe")
  func reading() {
    var watch = watching()
    // A kilobyte a second, seen in pieces: nothing moves for half a minute at a time.
    for second in 1...600 {
      let unsent = 600_000 - second / 30 * 30_000
      let isWaiting = look(&watch, Double(second), unsent)
      #expect(isWaiting)
    }
    #expect(watch.isEmpty)
  }

  @Test("one that takes nothing for a minute is not, and a second probe does not make it wait anew")
  func frozen() {
    var watch = watching()
    for second in 1...59 {
      let isWaiting = look(&watch, Double(second), 500_000)
      #expect(isWaiting)
    }
    watch.add(id, at: start + .seconds(59))
    watch.noteFlush { _ in 1_000_000 }
    for second in 61...70 {
      let isWaiting = look(&watch, Double(second), 500_000)
      #expect(!isWaiting)
    }
    let isWaiting = look(&watch, 71, 400_000)
    #expect(isWaiting)
  }

  @Test("a probe that has overtaken a backlog has left when what was before it has")
  func ahead() {
    var watch = watching()
    watch.noteSent(id, end: 500_000)
    let isWaiting = look(&watch, 0.5, 500_100)
    #expect(isWaiting && !watch.isEmpty)
    let hasLeft = look(&watch, 1, 500_000)
    #expect(hasLeft && watch.isEmpty)
  }

  @Test("who has left is forgotten")
  func gone() {
    var watch = watching()
    #expect(watch.look(at: start) { _ in nil }.isEmpty == true && watch.isEmpty)
    watch.add(id, at: start)
    watch.noteFlush { _ in nil }
    #expect(watch.isEmpty)
  }
}
