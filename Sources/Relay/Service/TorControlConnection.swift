import EventLoop
import Units
import Wire

/// A reply of Tor's control port, `250 OK`. The relay's commands have replies of one line, so other
/// lines are not replies.
struct TorReply: Equatable {
  let code: Int

  init?(_ line: ByteView) {
    guard line.count >= 4, line[3] == UInt8(ascii: " ") else { return nil }
    var code = 0
    for byte in line.part(0..<3) {
      guard (0x30...0x39).contains(byte) else { return nil }
      code = code * 10 + Int(byte & 15)
    }
    self.code = code
  }
}

/// Why a connection to Tor's control port failed.
enum TorControlFailure: Error, Equatable, CustomStringConvertible {
  case unreadable(path: String, reason: String)
  case notConnected(String)
  case notLetIn(code: Int)
  case garbled
  case silent
  case closed

  var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path.escapedForOneLine): \(reason)"
    case .notConnected(let reason): reason
    case .notLetIn(let code):
      "Tor refuses the relay (\(code)): see TOR_CONTROL_COOKIE_FILE and TOR_CONTROL_PASSWORD_FILE"
    case .garbled: "what answers is not Tor's control port"
    case .silent: "it does not answer in time"
    case .closed: "it has closed the connection"
    }
  }
}

/// A connection to Tor's control port: sends commands, receives replies. It buffers one line at
/// most.
package final class TorControlConnection: Connection {
  /// The longest accepted line, in bytes. Replies are shorter than 100.
  static let longestLine = 512

  private let onReply: (TorReply) -> Void
  private let onEnd: (TorControlFailure) -> Void
  private var framer = LineFramer(limit: TorControlConnection.longestLine)

  /// - Parameter onEnd: called once at most, and not after `close()`.
  init(
    on loop: EventLoop, to address: SocketAddress, onReply: @escaping (TorReply) -> Void,
    onEnd: @escaping (TorControlFailure) -> Void
  ) throws(SocketError) {
    self.onReply = onReply
    self.onEnd = onEnd
    super.init(on: loop, adopting: try .connecting(to: address))
    startReading()
  }

  func send(command: [UInt8]) {
    guard !isClosed else { return }
    if case .failed = (command + [13, 10]).withView({ send($0) }) { finish(.closed) }
  }

  override package func received() {
    while !isClosed {
      var step = LineFramer.Step.incomplete
      var reply: TorReply?
      withInput(whole: true) { bytes in
        step = framer.next(in: bytes, from: 0)
        guard case .line(let range, let consumed) = step else { return 0 }
        reply = TorReply(bytes.part(range))
        return consumed
      }
      switch step {
      case .incomplete: return
      case .tooLong: return finish(.garbled)
      case .line(_, let consumed):
        framer.drained(consumed)
        guard let reply else { return finish(.garbled) }
        onReply(reply)
      }
    }
  }

  override package func ended(_ end: End) {
    switch end {
    case .byPeer: finish(.closed)
    case .failed(let code): finish(.notConnected("\(Errno(code))"))
    }
  }

  private func finish(_ failure: TorControlFailure) {
    guard !isClosed else { return }
    close()
    onEnd(failure)
  }
}
