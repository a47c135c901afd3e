/// Timers, ends of turns, signals, and stopping the loop.
import Glibc
import Testing

@testable import EventLoop
@testable import Units

@Suite("The loop", .serialized)
struct LoopTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  @Test("a timer fires once, at its time and not before")
  func once() {
    var times: [Instant] = []
    let timer = Timer(on: loop) { [loop] in times.append(loop.now) }
    let start = loop.now
    timer.schedule(after: .milliseconds(20))
    #expect(timer.isScheduled)
    #expect(loop.turns(until: { !times.isEmpty }))
    #expect(!timer.isScheduled && times[0] - start >= .milliseconds(15))
    let end = loop.now + .milliseconds(60)
    _ = loop.turns(until: { [loop] in loop.now >= end })
    #expect(times.count == 1)
  }

  @Test("a repeating timer fires again and again, until it cancels itself")
  func repeating() {
    var count = 0
    var timer: Timer?
    timer = Timer(on: loop) {
      count += 1
      if count == 3 { timer?.cancel() }
    }
    timer?.scheduleRepeating(every: .milliseconds(2))
    #expect(loop.turns(until: { timer?.isScheduled == false }))
    let end = loop.now + .milliseconds(20)
    _ = loop.turns(until: { [loop] in loop.now >= end })
    #expect(count == 3)
    // Breaks the reference cycle of timer and callback.
    timer = nil
  }

  @Test("a timer without a reference never fires, and one may be dropped in its own callback")
  func dropped() {
    var fired = 0
    var gone: Timer? = Timer(on: loop) { fired += 1 }
    gone?.schedule(after: .milliseconds(1))
    gone = nil
    var last: Timer?
    last = Timer(on: loop) {
      fired += 10
      last = nil
    }
    last?.scheduleRepeating(every: .milliseconds(5))
    let end = loop.now + .milliseconds(40)
    _ = loop.turns(until: { [loop] in loop.now >= end })
    #expect(fired == 10 && last == nil)
  }

  @Test(
    "a timer may be rescheduled from its own callback, and a new schedule replaces the old one")
  func rescheduled() {
    var count = 0
    var timer: Timer?
    timer = Timer(on: loop) {
      count += 1
      if count < 4 { timer?.schedule(after: .milliseconds(1)) }
    }
    timer?.scheduleRepeating(every: .milliseconds(1))
    timer?.schedule(after: .milliseconds(3))
    #expect(loop.turns(until: { count == 4 }))
    let end = loop.now + .milliseconds(20)
    _ = loop.turns(until: { [loop] in loop.now >= end })
    #expect(count == 4)
    timer?.schedule(after: .milliseconds(1))
    timer?.cancel()
    #expect(timer?.isScheduled == false)
    timer = nil
  }

  @Test("a timer without delay fires in the next turn, not in this one")
  func zero() {
    var order: [String] = []
    let end = TurnEnd(on: loop) { order.append("end") }
    let next = Timer(on: loop) { order.append("next") }
    let first = Timer(on: loop) {
      order.append("first")
      next.schedule(after: .zero)
      end.activate()
    }
    first.schedule(after: .milliseconds(1))
    #expect(loop.turns(until: { order.count == 3 }))
    #expect(order == ["first", "end", "next"])
  }

  @Test("the loop ends when it is stopped from a timer, and runs again afterwards")
  func stopped() {
    var count = 0
    let timer = Timer(on: loop) { [loop] in
      count += 1
      loop.stop()
      loop.stop()
    }
    timer.schedule(after: .milliseconds(1))
    loop.run()
    #expect(count == 1)
    timer.schedule(after: .milliseconds(1))
    loop.run()
    #expect(count == 2)
    // A loop that is stopped before it runs makes one turn, even after a stop while it ran.
    // Otherwise this call would not return.
    loop.turn()
  }

  @Test("the end of a turn is called once, after all sockets that were ready in the turn")
  func turnEnd() {
    var order: [String] = []
    let end = TurnEnd(on: loop) { order.append("end") }
    var ends: [Recorder] = []
    var sockets: [TestSocket] = []
    for name in ["a", "b", "c"] {
      let (ours, theirs) = TestSocket.pair()
      let one = Recorder(on: loop, adopting: ours.take())
      one.onReceived = { _ in
        order.append(name)
        end.activate()
        end.activate()
      }
      one.startReading()
      ends.append(one)
      sockets.append(theirs)
    }
    for socket in sockets { socket.write("x") }
    #expect(loop.turns(until: { order.contains("end") }))
    loop.turn()
    #expect(order.count == 4 && order.last == "end")
    sockets[0].write("x")
    #expect(loop.turns(until: { order.count == 6 }))
    #expect(order.last == "end")
    withExtendedLifetime(ends) {}
  }

  @Test(
    "a signal arrives on the loop each time it is sent, and not after its source is dropped")
  func signals() {
    var count = 0
    var source: SignalSource? = SignalSource(SIGWINCH, on: loop) { count += 1 }
    kill(getpid(), SIGWINCH)
    #expect(loop.turns(until: { count == 1 }))
    kill(getpid(), SIGWINCH)
    #expect(loop.turns(until: { count == 2 }))
    #expect(source != nil)
    source = nil
    // SIGWINCH is ignored by default, so nothing happens.
    kill(getpid(), SIGWINCH)
    loop.turn()
    #expect(count == 2)
  }
}

/// A connection that records its events.
final class Recorder: Connection {
  var bytes: [UInt8] = []
  var drains = 0
  var end: End?
  var onReceived: ((Recorder) -> Void)?
  var onDrained: ((Recorder) -> Void)?

  override func received() {
    if let onReceived { return onReceived(self) }
    takeAll()
  }

  override func drained() {
    drains += 1
    onDrained?(self)
  }

  override func ended(_ end: End) { self.end = end }

  func takeAll() {
    while inputCount > 0 {
      withInput(whole: false) { input in
        bytes += input
        return input.count
      }
    }
  }

  func send(_ bytes: [UInt8]) -> SendOutcome { bytes.withView { send($0) } }
  func sendAhead(_ line: String) -> Int { Array(line.utf8).withView { sendAhead($0) } }
}
