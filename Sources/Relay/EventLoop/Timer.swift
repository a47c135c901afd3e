import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A callback at a time, once or again and again, over a libevent timeout event.
///
/// The callback may schedule or cancel its own timer and may drop the last reference to it; a timer
/// that is dropped never fires. Firing costs about 0.2 µs, so per-peer deadlines belong in a sweep,
/// not here.
///
/// Safe: only this object frees its event, and libevent, which holds it unretained, calls it no
/// more then.
@safe
package final class Timer {
  private let loop: EventLoop
  private let action: () -> Void
  private var event: OpaquePointer?
  private var repeats = false
  /// What the loop had lost when this was scheduled.
  private var lost = Duration.zero

  /// A timer that is not scheduled yet.
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

  /// Fires once after `delay`, in which a standstill of the loop does not count. Replaces any
  /// earlier schedule.
  package func schedule(after delay: Duration) {
    repeats = false
    lost = loop.lostTime
    add(delay)
  }

  /// Fires every `interval`, the first time after one. Replaces any earlier schedule. A turn that
  /// took longer than the interval is not made up for.
  package func scheduleRepeating(every interval: Duration) {
    precondition(interval > .zero, "a repeating timer needs an interval")
    repeats = true
    add(interval)
  }

  /// Ends the schedule, if there is one.
  package func cancel() { unsafe event_del(event) }

  /// Whether the callback is still to come.
  var isScheduled: Bool { unsafe event_pending(event, Int16(EV_TIMEOUT), nil) != 0 }

  private func add(_ delay: Duration) {
    var time = timeval(delay)
    unsafe event_add(event, &time)
  }

  /// Schedules it anew if the loop has stood still meanwhile.
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
/// again before it ran changes nothing. This is where a turn's output leaves (architecture.md, "The
/// way of a message").
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

  /// Wraps `event_active`: libevent puts the event behind all that are active already.
  package func activate() { unsafe event_active(event, Int32(EV_TIMEOUT), 0) }
}

/// A callback for a Unix signal, on the loop like any other.
///
/// Safe: as `Timer`. The system fills in the set of signals.
@safe
package final class SignalSource {
  private let loop: EventLoop
  private let action: () -> Void
  private var event: OpaquePointer?

  /// Takes over `signal` until this source is dropped.
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

  /// Holds these signals back, or lets them through: one that came meanwhile comes then.
  package static func holdBack(_ signals: [Int32], _ isHeld: Bool) {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for signal in signals { unsafe sigaddset(&set, signal) }
    unsafe sigprocmask(isHeld ? SIG_BLOCK : SIG_UNBLOCK, &set, nil)
  }
}
