import Foundation
/// Compares the directory with the reference directory over 200,000 random steps, in runs of 4,000.
/// A run that fails is reduced to the steps that the failure needs.
///
/// `MODEL_SEED` repeats one run, `MODEL_RUNS` sets the number of runs.
import TestSupport
import Testing

@Suite("The directory compared with a reference")
struct ModelTests {
  static let stepsPerLife = 4_000

  static func steps(seed: UInt64) -> [ModelStep] {
    var random = SplitMix64(seed: seed)
    var steps = (0..<stepsPerLife).map { _ in ModelStep.random(&random) }
    // Every second run stops the directory before its end, while the steps continue.
    if seed % 2 == 0 { steps[stepsPerLife - 150].kind = .stop }
    return steps
  }

  /// - Returns: the failure, and the number of steps until it.
  static func live(_ steps: some Collection<ModelStep>, seed: UInt64) -> (String, Int)? {
    let world = ModelWorld(seed: seed)
    for (count, step) in steps.enumerated() {
      if let fault = world.perform(step) { return (fault, count + 1) }
    }
    return world.desert().map { ($0, steps.count) }
  }

  /// Removes steps that the failure does not need, in halves, quarters and so on, for ten seconds
  /// at most.
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

  @Test("200,000 random steps give the same state and lines, and leave nothing behind")
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
