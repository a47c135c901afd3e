import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The one loop of the process, over libevent's `event_base`.
///
/// Everything in this module belongs to a loop, stays on the thread that runs it and retains it.
/// These classes are not `Sendable`, so the compiler keeps them on their thread. Their owners hold
/// them: a timer or a connection without an owner is freed, and its callback is never called.
///
/// Safe: only this object frees the base. Whatever is made on the loop retains it, so nothing
/// outlives its base.
@safe
package final class EventLoop {
  package let base: OpaquePointer
  private var isStopping = false
  private var clock: LoopClock?

  /// - Throws: `EventLoopError.unavailable` when the system gives no polling descriptor.
  package init() throws(EventLoopError) {
    // libevent's writev has no MSG_NOSIGNAL: a peer that left must not end the process.
    signal(SIGPIPE, SIG_IGN)
    guard let base = unsafe event_base_new() else { throw .unavailable }
    unsafe self.base = base
  }

  deinit { unsafe event_base_free(base) }

  /// Runs until `stop()`. Wraps `event_base_loop`.
  package func run() {
    unsafe event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY)
    isStopping = false
  }

  /// Ends `run()` after the callbacks of this turn, those activated in it included. May be called
  /// from any callback, and before `run()` to let it make a single turn. Wraps
  /// `event_base_loopexit`.
  package func stop() {
    guard !isStopping else { return }
    isStopping = true
    unsafe event_base_loopexit(base, nil)
  }

  /// Ends `run()` after the callback that calls it: no other callback of this turn comes. Wraps
  /// `event_base_loopbreak`.
  package func stopAtOnce() { unsafe event_base_loopbreak(base) }

  /// The time for all deadlines; a call takes about 22 ns. After `expectTicks()` it is the
  /// monotonic clock without the time in which the loop did not run (`LoopClock`).
  package var now: Instant { time(at: Clock.monotonic) }

  /// The same time as of the last kernel tick, at most 4 ms old; a call takes 5 ns. For rates and
  /// idle times.
  package var coarseNow: Instant { time(at: Clock.coarse) }

  /// The monotonic clock, standstills included.
  package var systemNow: Instant { Clock.monotonic }

  /// Promises that `now` is read at least every half second while the loop runs.
  package func expectTicks() { if clock == nil { clock = LoopClock(at: Clock.monotonic) } }

  /// Continues `now` from `instant` of another process. The time in between does not count.
  package func resume(at instant: Instant) {
    clock = LoopClock(at: Clock.monotonic, resuming: instant)
  }

  /// The time by which all deadlines have moved since the start.
  var lostTime: Duration { clock?.lost ?? .zero }

  private func time(at system: Instant) -> Instant { clock?.time(at: system) ?? system }

  /// The polling method ("epoll", "kqueue"), for the start line of the log.
  package var backend: String { unsafe String(cString: event_base_get_method(base)) }
}

package enum EventLoopError: Error {
  case unavailable
}

package enum Clock {
  package static var monotonic: Instant { read(CLOCK_MONOTONIC) }

  static var coarse: Instant {
    #if os(Linux)
      read(CLOCK_MONOTONIC_COARSE)
    #else
      read(CLOCK_MONOTONIC)
    #endif
  }

  private static func read(_ clock: clockid_t) -> Instant {
    var time = timespec()
    // Safe: it fills in a value of this type.
    unsafe clock_gettime(clock, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}

extension timeval {
  package init(_ duration: Duration) {
    let microseconds = max(0, duration.nanoseconds / 1_000)
    self.init(
      tv_sec: time_t(microseconds / 1_000_000), tv_usec: suseconds_t(microseconds % 1_000_000))
  }
}
