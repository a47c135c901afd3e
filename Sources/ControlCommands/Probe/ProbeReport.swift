/// The report of a probe, for people, for programs and for cron.
import Units

/// The result of a probe. Its exit code tells cron who has to act.
enum ProbeOutcome: String, Encodable {
  case healthy
  /// The directory answers and does not serve this peer.
  case refused
  /// Nothing answers under this address.
  case unreachable
  /// Something else than a JoinMarket directory answers.
  case notADirectory = "not_a_directory"
  /// The local Tor does not answer, so nothing is known about the directory.
  case noTor = "no_tor"

  var exitCode: Int32 {
    switch self {
    case .healthy: 0
    case .refused: 1
    case .unreachable: 2
    case .notADirectory: 3
    case .noTor: 4
    }
  }

  var words: String {
    switch self {
    case .healthy: "healthy"
    case .refused: "refused"
    case .unreachable: "unreachable"
    case .notADirectory: "not a directory"
    case .noTor: "no Tor"
    }
  }
}

/// Why a probe ended early.
struct ProbeProblem: Error, Equatable {
  let outcome: ProbeOutcome
  /// One line: what happened and what to do. Text from the directory is escaped.
  let text: String
}

struct ProbeReport: Encodable {
  enum StepName: String, Encodable, CaseIterable {
    case tor, connect, handshake
    case nickProof = "nick_proof"
    case ping, peerlist

    var words: String { self == .nickProof ? "nick proof" : rawValue }
  }

  struct Step: Encodable {
    enum Result: String, Encodable { case ok, failed, skipped }

    let name: StepName
    let result: Result
    let seconds: Double
    /// The observation, or why the step was skipped or failed.
    let note: String
  }

  /// `host:port` of the directory.
  let directory: String
  /// The SOCKS port, or the address of a direct connection.
  let via: String
  var outcome = ProbeOutcome.healthy
  /// One line. Text from the directory is escaped.
  var problem: String?
  var steps: [Step] = []
  var nick: String?
  var network: String?
  var features: [String] = []
  var greeting: String?
  /// Nicks in the peerlist.
  var peers: Int?

  init(directory: String, via: String) {
    self.directory = directory
    self.via = via
  }

  var seconds: Double { steps.reduce(0) { $0 + $1.seconds } }

  /// For people. Control characters from the directory are escaped.
  var lines: [String] {
    var lines = ["\(directory.escapedForOneLine) through \(via)"]
    for step in steps {
      let time = step.result == .skipped ? "" : Self.time(step.seconds)
      let row = [
        step.name.words.filled(to: 11), step.result.rawValue.filled(to: 8),
        String(repeating: " ", count: max(0, 8 - time.count)) + time,
      ].joined()
      lines.append("  " + row + (step.note.isEmpty ? "" : "  " + step.note.escapedForOneLine))
    }
    if !features.isEmpty {
      lines.append("features: " + features.joined(separator: ", ").escapedForOneLine)
    }
    for line in (greeting ?? "").split(separator: "\n") {
      lines.append("greeting: " + String(line).escapedForOneLine)
    }
    return lines + [conclusion]
  }

  /// The last line, and the only one of `--watch`.
  var conclusion: String {
    if let problem { return "\(outcome.words): \(problem)" }
    return "\(outcome.words) in \(Self.time(seconds))"
  }

  /// One line, for `--watch`.
  var summary: String {
    let times = steps.filter { $0.result == .ok }
      .map { "\($0.name.rawValue)=\(Self.time($0.seconds).filter { $0 != " " })" }
    let count = peers.map { ["peers=\($0)"] } ?? []
    return ([conclusion] + times + count).joined(separator: "  ")
  }

  private static func time(_ seconds: Double) -> String {
    if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
    let hundredths = Int((seconds * 100).rounded())
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest) s"
  }
}

extension String {
  fileprivate func filled(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
