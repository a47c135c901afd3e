// Which tests of the products run beside each other. Most of them wait nearly all of their time.

import Foundation
import Testing

/// Runs the tests of a suite on threads of their own, three at a time. `.alone` is for a suite that
/// takes all that the machine has, or judges what a process costs.
struct Beside: SuiteTrait, TestTrait, TestScoping {
  fileprivate let isAlone: Bool

  var isRecursive: Bool { true }

  /// An inner `.alone` takes the place of an outer `.besideOthers`.
  func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
    guard testCase != nil else { return nil }
    let traits = test.traits.compactMap { $0 as? Self }
    return isAlone || !traits.contains { $0.isAlone } ? self : nil
  }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    await Turns.shared.begin(isAlone: isAlone)
    do {
      try await withTaskExecutorPreference(Threads.shared) { try await function() }
    } catch {
      await Turns.shared.end(isAlone: isAlone)
      throw error
    }
    await Turns.shared.end(isAlone: isAlone)
  }
}

extension Trait where Self == Beside {
  static var besideOthers: Beside { Beside(isAlone: false) }
  static var alone: Beside { Beside(isAlone: true) }
}

/// A test blocks its thread while it waits: the threads of other tasks are too few for that.
private final class Threads: TaskExecutor {
  static let shared = Threads()
  private let queue: OperationQueue

  private init() {
    queue = OperationQueue()
    queue.maxConcurrentOperationCount = 3
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.addOperation { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}

/// Who runs alone waits until nobody else runs or waits, and then everybody waits for it.
private actor Turns {
  static let shared = Turns()
  private var running = 0
  private var runsAlone = false
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var waitingAlone: [CheckedContinuation<Void, Never>] = []

  func begin(isAlone: Bool) async {
    if isAlone ? running > 0 : runsAlone {
      // Who ends counts it.
      return await withCheckedContinuation {
        if isAlone { waitingAlone.append($0) } else { waiting.append($0) }
      }
    }
    running += 1
    runsAlone = isAlone
  }

  func end(isAlone: Bool) {
    running -= 1
    guard running == 0 else { return }
    runsAlone = waiting.isEmpty && !waitingAlone.isEmpty
    let next = runsAlone ? [waitingAlone.removeFirst()] : waiting
    if !runsAlone { waiting = [] }
    running = next.count
    for continuation in next { continuation.resume() }
  }
}
