import EventLoop
import Units
import Wire

/// A client of the admin socket. It sends one line and gets an answer, in parts, each in a turn of
/// its own.
package final class AdminConnection: Connection {
  package typealias Parts = () -> [UInt8]?

  /// The time from the connect to the last byte of the answer.
  static let time = Duration.seconds(30)

  private let answer: (String?) -> Parts
  private let onEnd: (AdminConnection) -> Void
  private var framer = LineFramer(limit: AdminCommand.longest)
  private var parts: Parts?
  private var deadline: Timer?
  private var next: Timer?

  /// - Parameters:
  ///   - answer: returns the answer to a line; `nil` is a line that is too long.
  ///   - onEnd: called once, when the connection has closed.
  init(
    on loop: EventLoop, adopting socket: consuming Descriptor, answer: @escaping (String?) -> Parts,
    onEnd: @escaping (AdminConnection) -> Void
  ) {
    self.answer = answer
    self.onEnd = onEnd
    super.init(on: loop, adopting: socket)
    deadline = Timer(on: loop) { [unowned self] in finish() }
    deadline?.schedule(after: Self.time)
    next = Timer(on: loop) { [unowned self] in sendPart() }
    startReading()
  }

  override package func received() {
    guard parts == nil else { return discardInput() }
    var step = LineFramer.Step.incomplete
    var line = ""
    withInput(whole: true) { bytes in
      step = framer.next(in: bytes, from: 0)
      guard case .line(let range, let consumed) = step else { return 0 }
      line = String(decoding: bytes.part(range), as: UTF8.self)
      return consumed
    }
    switch step {
    case .incomplete: return
    case .line: parts = answer(line)
    case .tooLong: parts = answer(nil)
    }
    discardInput()
    sendPart()
  }

  override package func drained() { sendPart() }

  override package func ended(_ end: End) { finish() }

  private func sendPart() {
    guard let part = parts?() else { return finish() }
    switch part.withView({ send($0) }) {
    case .failed: finish()
    case .accepted(let left): if left == 0 { next?.schedule(after: .zero) }
    }
  }

  private func finish() {
    guard !isClosed else { return }
    close()
    onEnd(self)
  }
}
