/// Texts for failures of a probe's connection.
import EventLoop
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension ProbeConnection.Failure {
  var words: String {
    switch self {
    case .closed: "the connection was closed"
    case .tooMuch: "it sends more than any directory sends"
    case .notAFrame(let text):
      "it sends something that is not a JoinMarket message: \(text.quotedForOneLine)"
    case .socket(.unknownHost): "no such host"
    case .socket(.badPath): "the path is too long for a Unix socket"
    case .socket(.notConnected(let code)): Errno(code).description
    case .socket(.lost(let code)): "the connection broke: \(Errno(code))"
    case .socket(.timedOut): "no answer in time"
    case .socket(.tooLarge): "it sends more than any directory sends"
    }
  }
}

extension ProbeProblem {
  /// The reason why a handshake had no answer.
  init(
    _ failure: ProbeConnection.Failure, inHandshakeOf connection: ProbeConnection,
    _ timeout: Duration
  ) {
    let begun = connection.unfinished
    switch failure {
    case .notAFrame(let text):
      self.init(
        outcome: .notADirectory, text: "it speaks another protocol: \(text.quotedForOneLine)")
    case .tooMuch:
      self.init(outcome: .notADirectory, text: failure.words)
    case _ where !begun.isEmpty:
      self.init(
        outcome: .notADirectory, text: "it speaks another protocol: \(begun.quotedForOneLine)")
    case .closed, .socket(.lost):
      self.init(
        outcome: .refused,
        text: "it closes without an answer to the handshake. A relay does so when PROXY_PROTOCOL "
          + "differs from its Tor's setting, joinmarket-ng for a wrong network or when full")
    case .socket:
      self.init(
        outcome: .refused, text: "it does not answer the handshake within \(timeout.words)")
    }
  }
}

extension Duration {
  /// Seconds if they are whole, otherwise milliseconds.
  var words: String {
    let milliseconds = nanoseconds / 1_000_000
    return milliseconds % 1000 == 0 ? "\(milliseconds / 1000) s" : "\(milliseconds) ms"
  }
}
