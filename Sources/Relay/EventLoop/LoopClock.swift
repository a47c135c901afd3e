import Units

/// The loop's time: the monotonic clock without the time in which the loop did not run.
///
/// After a standstill (SIGSTOP, a suspended machine, a callback that hung) every deadline would
/// have passed while the answers wait in the sockets. This clock stands still for that time and one
/// second longer, in which the loop reads the sockets. So each deadline on this clock moves by the
/// standstill.
struct LoopClock {
  /// Two readings that are further apart mean a standstill. The owner reads the clock every half
  /// second.
  static let standstill = Duration.seconds(1)
  /// The time for the loop to read what has come meanwhile, before the clock continues.
  static let settling = Duration.seconds(1)

  private var lastReading: Instant
  private var latest: Instant
  /// The sum of all standstills.
  private(set) var lost = Duration.zero

  init(at system: Instant) {
    lastReading = system
    latest = system
  }

  /// Continues from `instant`.
  init(at system: Instant, resuming instant: Instant) {
    lastReading = system
    latest = instant
    lost = system - instant
  }

  /// Returns the loop's time for a reading of the system's clock. It never decreases.
  mutating func time(at system: Instant) -> Instant {
    let gap = system - lastReading
    if gap > Self.standstill { lost += gap + Self.settling }
    lastReading = max(lastReading, system)
    latest = max(latest, system + (Duration.zero - lost))
    return latest
  }
}
