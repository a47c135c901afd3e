import Glibc
import Testing

extension ProductTests {
  /// Tests of promises that take too long for `make test` (`make soak`). Each is bounded in time
  /// and in the bytes that it sends.
  @Suite(
    "Soak", .alone,
    .enabled(if: getenv("JM_SOAK") != nil, "these take minutes: make soak"))
  struct Soak {}
}
