/// The commands `health` and `status` of both programs: they ask the relay, print its answer, and
/// return its state as the exit code.

import FoundationEssentials
import Status

package enum StatusCommands {
  /// The output and the exit code.
  package struct Outcome: Sendable, Equatable {
    package var out: [String] = []
    package var error: [String] = []
    /// 0 healthy, 1 not or not reachable.
    package var code: Int32
  }

  /// - Parameter json: print the relay's JSON instead of a word.
  package static func health(at endpoint: StatusClient.Endpoint, timeout: Duration, json: Bool)
    -> Outcome
  {
    switch answer(to: "/health", at: endpoint, timeout: timeout) {
    case .failure(let outcome): return outcome
    case .success(let response):
      let text = oneLine(response.body)
      let healthy = response.status == 200
      if json { return Outcome(out: [text], code: healthy ? 0 : 1) }
      if healthy { return Outcome(out: ["healthy"], code: 0) }
      return Outcome(
        error: ["unhealthy: \(endpoint) answers \(response.status) \(text); see the relay's log"],
        code: 1)
    }
  }

  package static func status(
    at endpoint: StatusClient.Endpoint, timeout: Duration, json: Bool
  ) -> Outcome {
    switch answer(to: "/status", at: endpoint, timeout: timeout) {
    case .failure(let outcome): return outcome
    case .success(let response):
      guard response.status == 200,
        let report = try? JSONDecoder().decode(StatusReport.self, from: Data(response.body))
      else {
        return Outcome(
          error: [
            "unhealthy: \(endpoint) gives no status report (\(response.status)); is it the relay?"
          ],
          code: 1)
      }
      return Outcome(out: json ? [oneLine(response.body)] : report.lines(firstNicks: 20), code: 0)
    }
  }

  private enum Answer {
    case success(StatusClient.Response)
    case failure(Outcome)
  }

  private static func answer(
    to path: String, at endpoint: StatusClient.Endpoint, timeout: Duration
  ) -> Answer {
    do throws(StatusClient.Failure) {
      return .success(try StatusClient(endpoint: endpoint, timeout: timeout).get(path))
    } catch {
      return .failure(
        Outcome(error: ["unreachable: " + error.description(at: endpoint)], code: 1))
    }
  }

  /// The JSON from the relay without line breaks and characters that control a terminal.
  static func oneLine(_ body: [UInt8]) -> String {
    let scalars = String(decoding: body, as: UTF8.self).unicodeScalars
    return String(
      String.UnicodeScalarView(scalars.filter { $0.properties.generalCategory != .control }))
  }
}
