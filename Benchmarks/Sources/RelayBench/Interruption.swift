#if os(Linux)
  import Glibc
  import Synchronization

  /// SIGINT and SIGTERM as a wish that the loop sees, so that servers which the bench started are
  /// ended with it.
  enum Interruption {
    private static let wish = Atomic(false)

    static var isRequested: Bool { wish.load(ordering: .relaxed) }

    static func watch() {
      // A handler may do no more than store: everything else is not safe inside a signal.
      for number in [SIGINT, SIGTERM] {
        signal(number) { _ in Interruption.wish.store(true, ordering: .relaxed) }
      }
    }
  }
#endif
