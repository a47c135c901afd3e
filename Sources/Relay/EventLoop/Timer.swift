import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A callback after a time, once or repeatedly, over a libevent timeout event.
///
/// The callback may schedule or cancel its own timer and may drop the last reference to it. A timer
/// without references never fires. Firing costs about 0.2 µs, so deadlines of peers belong in a
/// sweep.
///
/// Safe: only this object frees its event, and libevent, which holds it unretained, calls it no
/// more then.
@safe
package final class Timer {
  private let loop: EventLoop
  private let action: () -> Void
  private var event: OpaquePointer?
  private var repeats = false
  /// The loop's sum of standstills when this was scheduled.
  private var lost = Duration.zero

  /// Creates a timer that is not scheduled yet.
  package init(on loop: EventLoop, action: @escaping () -> Void) {
    self.loop = loop
    self.action = action
    unsafe event = event_new(
      loop.base, -1, Int16(EV_PERSIST), { _, _, context in unsafe Timer.fire(context) },
      Unmanaged.passUnretained(self).toOpaque())
    // event_new fails only without memory, where Swift itself traps.
    unsafe precondition(event != nil, "no memory for a timer")
  }

  deinit { unsafe event_free(event) }

  /// Fires once after `delay`, without standstills of the loop. Replaces any earlier schedule.
  package func schedule(after delay: Duration) {
    repeats = false
    lost = loop.lostTime
    add(delay)
  }

  /// Fires every `interval`, the first time after one. Replaces any earlier schedule. Missed times
  /// are not made up for.
  package func scheduleRepeating(every interval: Duration) {
    precondition(interval > .zero, "a repeating timer needs an interval")
    repeats = true
    add(interval)
  }

  /// Cancels the schedule, if there is one.
  package func cancel() { unsafe event_del(event) }

  /// Whether the callback is still to come.
  var isScheduled: Bool { unsafe event_pending(event, Int16(EV_TIMEOUT), nil) != 0 }

  private func add(_ delay: Duration) {
    var time = timeval(delay)
    unsafe event_add(event, &time)
  }

  /// Reschedules it if the loop has stood still meanwhile.
  private func isMoved() -> Bool {
    // The first read of the clock after a standstill detects it.
    _ = loop.now
    let delay = loop.lostTime - lost
    guard delay > .zero else { return false }
    lost += delay
    add(delay)
    return true
  }

  private static func fire(_ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    let timer = unsafe Unmanaged<Timer>.fromOpaque(context).takeUnretainedValue()
    if !timer.repeats {
      unsafe event_del(timer.event)
      if timer.isMoved() { return }
    }
    timer.action()
  }
}

/// A callback at the end of the current turn, after everything that is ready now. Activating it
/// again before it ran changes nothing. It flushes a turn's output (architecture.md, "The way of a
/// message").
///
/// Safe: as `Timer`.
@safe
package final class TurnEnd {
  private let loop: EventLoop
  private let action: () -> Void
  private var event: OpaquePointer?

  package init(on loop: EventLoop, action: @escaping () -> Void) {
    self.loop = loop
    self.action = action
    unsafe event = event_new(
      loop.base, -1, 0,
      { _, _, context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<TurnEnd>.fromOpaque(context).takeUnretainedValue().action()
      },
      Unmanaged.passUnretained(self).toOpaque())
    unsafe precondition(event != nil, "no memory for an event")
  }

  deinit { unsafe event_free(event) }

  /// Wraps `event_active`: libevent puts the event after all active ones.
  package func activate() { unsafe event_active(event, Int32(EV_TIMEOUT), 0) }
}

/// A callback for a Unix signal, on the loop.
///
/// Safe: as `Timer`. The system fills in the set of signals.
@safe
package final class SignalSource {
  private let loop: EventLoop
  private let action: () -> Void
  private var event: OpaquePointer?

  /// Handles `signal` until this source is freed.
  package init(_ signal: Int32, on loop: EventLoop, action: @escaping () -> Void) {
    self.loop = loop
    self.action = action
    unsafe event = event_new(
      loop.base, signal, Int16(EV_SIGNAL | EV_PERSIST),
      { _, _, context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<SignalSource>.fromOpaque(context).takeUnretainedValue().action()
      },
      Unmanaged.passUnretained(self).toOpaque())
    unsafe precondition(event != nil, "no memory for a signal event")
    unsafe event_add(event, nil)
  }

  deinit { unsafe event_free(event) }

  /// Blocks or unblocks these signals. A signal that came while blocked is delivered then.
  package static func holdBack(_ signals: [Int32], _ isHeld: Bool) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal) }
    unsafe sigprocmask(isHeld ? SIG_BLOCK : SIG_UNBLOCK, &set, nil)
  }
}
