import FoundationEssentials
import Identity
import Units
import Wire

/// The handshake and the proof of the nick.
extension ProbeRun {
  /// - Returns: the features that the directory offers.
  func shakeHands(_ connection: ProbeConnection) throws(ProbeProblem) -> [String] {
    let line = handshakeLine
    let answer = try step(.handshake) { (deadline) throws(ProbeProblem) in
      let answer = try handshake(connection, line, before: deadline)
      return (answer, "nick \(answer.nick), network \(answer.network)")
    }
    try proveNick(connection, line, isOffered: answer.offered.contains("nick_auth"))
    return answer.offered
  }

  private var handshakeLine: String {
    let features = (probe.provesNick ? ["nick_auth"] : []) + ["peerlist_features", "ping"]
    let flags = features.map { "\"\($0)\": true" }.joined(separator: ", ")
    return "{\"app-name\": \"joinmarket\", \"directory\": false, "
      + "\"location-string\": \"NOT-SERVING-ONION\", \"proto-ver\": 5, \"features\": {\(flags)}, "
      + "\"nick\": \"\(prover.nick)\", \"network\": \"\(probe.network.rawValue)\"}"
  }

  private func handshake(
    _ connection: ProbeConnection, _ line: String, before deadline: ClientSocket.Deadline
  ) throws(ProbeProblem) -> DirectoryHandshake {
    let frame: ReceivedFrame
    do throws(ProbeConnection.Failure) {
      try connection.send(.handshake, line, before: deadline)
      frame = try connection.frame(before: deadline)
    } catch {
      throw ProbeProblem(error, inHandshakeOf: connection, probe.timeout)
    }
    guard frame.type == MessageType.directoryHandshake.rawValue else {
      throw ProbeProblem(
        outcome: .notADirectory,
        text: "it answers a handshake with a message of type \(frame.type) instead of 795; "
          + "a maker's own onion does")
    }
    let answer: DirectoryHandshake
    do {
      answer = try JSONDecoder().decode(DirectoryHandshake.self, from: Data(frame.line.utf8))
    } catch {
      throw ProbeProblem(
        outcome: .refused,
        text: "clients do not understand its handshake: \(Self.reason(error))")
    }
    found.nick = String(answer.nick.prefix(64))
    found.network = String(answer.network.prefix(64))
    found.features = answer.offered.prefix(64).map { String($0.prefix(64)) }
    found.greeting = answer.motd.map { String($0.prefix(4096)) }
    if let refusal = answer.refusal(network: probe.network) {
      throw ProbeProblem(outcome: .refused, text: refusal)
    }
    return answer
  }

  private static func reason(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")) has the wrong type"
    default: "its line is not a JSON object"
    }
  }

  private func proveNick(
    _ connection: ProbeConnection, _ handshakeLine: String, isOffered: Bool
  ) throws(ProbeProblem) {
    guard isOffered else { return skip(.nickProof, "it does not ask for one") }
    guard probe.provesNick else { return skip(.nickProof, "--no-proof") }
    try step(.nickProof) { (deadline) throws(ProbeProblem) in
      let challenge: NickChallenge = try answer(
        .nickAuthChallenge, on: connection, before: deadline)
      // An attacker in the middle would ask for a proof that is valid at another directory.
      guard challenge.directoryID == probe.target.description.lowercased() else {
        throw ProbeProblem(
          outcome: .refused,
          text: "it wants a proof for \(challenge.directoryID.quotedForOneLine), so no client that "
            + "dials \(probe.target.description) gives one; see its NICK_AUTH_DIRECTORY_ID")
      }
      try send(
        .nickAuthProof,
        prover.proof(
          challenge: challenge.challenge, directoryID: challenge.directoryID,
          handshakeLine: handshakeLine), on: connection, before: deadline)
      let verdict: NickVerdict = try answer(.nickAuthResult, on: connection, before: deadline)
      guard verdict.verified, verdict.code == "ok" else {
        throw ProbeProblem(outcome: .refused, text: verdict.words)
      }
      return ((), "")
    }
  }
}
