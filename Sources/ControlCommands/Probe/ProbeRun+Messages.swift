import FoundationEssentials
import Wire

/// Single messages of a probe, each with a deadline.
extension ProbeRun {
  func send(
    _ type: MessageType, _ line: String, on connection: ProbeConnection,
    before deadline: ClientSocket.Deadline
  ) throws(ProbeProblem) {
    do throws(ProbeConnection.Failure) {
      try connection.send(type, line, before: deadline)
    } catch { throw ProbeProblem(outcome: .refused, text: error.words) }
  }

  func answer<Answer: Decodable>(
    _ type: MessageType, on connection: ProbeConnection, before deadline: ClientSocket.Deadline
  ) throws(ProbeProblem) -> Answer {
    let line = try next(type, on: connection, before: deadline)
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)) else {
      throw ProbeProblem(
        outcome: .refused, text: "clients do not understand its message \(type.rawValue)")
    }
    return answer
  }

  func next(
    _ type: MessageType, on connection: ProbeConnection, before deadline: ClientSocket.Deadline
  ) throws(ProbeProblem) -> String {
    do throws(ProbeConnection.Failure) {
      return try frame(type, on: connection, before: deadline)
    } catch .socket(.timedOut) {
      throw ProbeProblem(
        outcome: .refused, text: "no message \(type.rawValue) within \(probe.timeout.words)")
    } catch {
      throw ProbeProblem(
        outcome: .refused, text: "waiting for message \(type.rawValue): \(error.words)")
    }
  }

  /// Reads until a message of this type and answers the directory's PING meanwhile.
  func frame(
    _ type: MessageType, on connection: ProbeConnection, before deadline: ClientSocket.Deadline
  ) throws(ProbeConnection.Failure) -> String {
    while true {
      let frame = try connection.frame(before: deadline)
      if frame.type == type.rawValue { return frame.line }
      if frame.type == MessageType.ping.rawValue {
        try connection.send(.pong, "", before: deadline)
      }
    }
  }
}
