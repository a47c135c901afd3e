#if os(Linux)
  import Glibc
  import Synchronization

  /// Turns SIGINT and SIGTERM into a flag that the loop checks, so that the bench ends the servers
  /// that it started.
  enum Interruption {
    private static let wish = Atomic(false)

    static var isRequested: Bool { wish.load(ordering: .relaxed) }

    static func watch() {
      // The handler only stores a flag, which is safe in a signal handler.
      for number in [SIGINT, SIGTERM] {
        signal(number) { _ in Interruption.wish.store(true, ordering: .relaxed) }
      }
    }
  }
#endif
