import Units

/// Time as the loop has lived it: the monotonic clock without the time in which the loop did not
/// run.
///
/// A process that was stopped (SIGSTOP, a suspended machine, a callback that hung) finds every
/// deadline passed and every answer still in its sockets. This clock stands still for that time and
/// one second longer, in which the loop reads what waits. So each deadline that is measured with it
/// moves by the standstill.
struct LoopClock {
  /// Two readings that are further apart were not made by a running loop. Its owner reads the clock
  /// every half second.
  static let standstill = Duration.seconds(1)
  /// What the loop gets to read what has come meanwhile, before time goes on.
  static let settling = Duration.seconds(1)

  private var lastReading: Instant
  private var latest: Instant
  /// The time that does not count.
  private(set) var lost = Duration.zero

  init(at system: Instant) {
    lastReading = system
    latest = system
  }

  /// Goes on from `instant`.
  init(at system: Instant, resuming instant: Instant) {
    lastReading = system
    latest = instant
    lost = system - instant
  }

  /// Returns the loop's time for a reading of the system's clock. Never goes back.
  mutating func time(at system: Instant) -> Instant {
    let gap = system - lastReading
    if gap > Self.standstill { lost += gap + Self.settling }
    lastReading = max(lastReading, system)
    latest = max(latest, system + (Duration.zero - lost))
    return latest
  }
}
