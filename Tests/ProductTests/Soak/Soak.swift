import Glibc
import Testing

extension ProductTests {
  /// Promises that take longer than a test run may (`make soak`). Each is bounded in time and in
  /// what it sends.
  @Suite(
    "Soak", .alone,
    .enabled(if: getenv("JM_SOAK") != nil, "these take minutes: make soak"))
  struct Soak {}
}
