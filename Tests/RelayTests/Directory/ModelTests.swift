import Foundation
/// 200,000 random steps against the plain directory, in runs of 4,000. A run that fails is
/// told again without every step that it does not need.
///
/// `MODEL_SEED` repeats one run, `MODEL_RUNS` asks for more of them.
import TestSupport
import Testing

@Suite("The directory against a plain model")
struct ModelTests {
  static let stepsPerLife = 4_000

  static func steps(seed: UInt64) -> [ModelStep] {
    var random = SplitMix64(seed: seed)
    var steps = (0..<stepsPerLife).map { _ in ModelStep.random(&random) }
    // Some runs end with a directory that stops while everything goes on.
    if seed % 2 == 0 { steps[stepsPerLife - 150].kind = .stop }
    return steps
  }

  /// - Returns: what went wrong, and after how many steps.
  static func live(_ steps: some Collection<ModelStep>, seed: UInt64) -> (String, Int)? {
    let world = ModelWorld(seed: seed)
    for (count, step) in steps.enumerated() {
      if let fault = world.perform(step) { return (fault, count + 1) }
    }
    return world.desert().map { ($0, steps.count) }
  }

  /// Leaves out whatever can be left out, in halves, quarters and so on, for ten seconds at most.
  static func shrink(_ failing: [ModelStep], seed: UInt64) -> [ModelStep] {
    var steps = failing
    let end = ContinuousClock.now + .seconds(10)
    var piece = max(1, steps.count / 2)
    while ContinuousClock.now < end {
      var hasShrunk = false
      var start = 0
      while start < steps.count, ContinuousClock.now < end {
        let without = steps[..<start] + steps[min(start + piece, steps.count)...]
        if let (_, count) = live(Array(without), seed: seed) {
          steps = Array(Array(without).prefix(count))
          hasShrunk = true
        } else {
          start += piece
        }
      }
      if piece == 1, !hasShrunk { break }
      piece = max(1, piece / 2)
    }
    return steps
  }

  @Test("200,000 random steps leave the same state, the same lines and nothing behind")
  func runs() {
    let environment = ProcessInfo.processInfo.environment
    let one = environment["MODEL_SEED"].flatMap { UInt64($0) }
    let count = environment["MODEL_RUNS"].flatMap { UInt64($0) } ?? 50
    for seed in one.map({ $0...$0 }) ?? 1...count {
      let steps = Self.steps(seed: seed)
      guard let (fault, count) = Self.live(steps, seed: seed) else { continue }
      let short = Self.shrink(Array(steps.prefix(count)), seed: seed)
      let shortFault = Self.live(short, seed: seed)?.0 ?? fault
      let story = short.map(\.description).joined(separator: "\n")
      Issue.record(Comment(rawValue: "MODEL_SEED=\(seed): \(shortFault)\n\(story)"))
      return
    }
  }
}
