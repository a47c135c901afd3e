import EventLoop
/// Does from outside what a peer does at its start, and reports each step with its time.
import FoundationEssentials
import Identity
import Units
import Wire

struct DirectoryProbe {
  struct Target: Equatable {
    let host: String
    let port: UInt16

    var description: String { "\(host):\(port)" }
  }

  enum Route: Equatable {
    /// Through Tor's SOCKS port.
    case socks(SocketAddress)
    /// Straight to this address, where the directory listens.
    case direct(SocketAddress)

    var description: String {
      switch self {
      case .socks(let address): "Tor at \(address)"
      case .direct(let address): "\(address), without Tor"
      }
    }
  }

  var target: Target
  var route: Route
  var network: Network
  /// Whether it can prove its nick, as current clients can.
  var provesNick = true
  /// For each step.
  var timeout: Duration = .seconds(60)
  /// A list has no end on the wire: it is taken for ended after this time without a frame.
  var listQuiet: Duration = .seconds(2)

  /// Never throws and never waits longer than its steps may; what goes wrong is in the report.
  func run() -> ProbeReport {
    Run(probe: self).report()
  }
}

/// One probe under way.
private final class Run {
  private let probe: DirectoryProbe
  private let prover = NickProver()
  private var found: ProbeReport
  private var stepBegan = ContinuousClock.now

  init(probe: DirectoryProbe) {
    self.probe = probe
    found = ProbeReport(directory: probe.target.description, via: probe.route.description)
  }

  func report() -> ProbeReport {
    do throws(ProbeProblem) {
      let connection = try connect()
      let features = try shakeHands(connection)
      try ping(connection, isOffered: features.contains("ping"))
      try askForPeers(connection, features)
    } catch {
      found.outcome = error.outcome
      found.problem = error.text
    }
    return found
  }

  // MARK: Steps

  private func connect() throws(ProbeProblem) -> ProbeConnection {
    switch probe.route {
    case .direct(let address):
      return try step(.connect) { (deadline) throws(ProbeProblem) in
        do throws(ProbeConnection.Failure) {
          return (try ProbeConnection(to: address, before: deadline), "")
        } catch {
          throw ProbeProblem(outcome: .unreachable, text: "\(address): \(error.words)")
        }
      }
    case .socks(let address):
      let connection = try step(.tor) { (deadline) throws(ProbeProblem) in
        (try greetTor(at: address, before: deadline), "")
      }
      try step(.connect) { (deadline) throws(ProbeProblem) in
        try dial(connection, before: deadline)
        return ((), "")
      }
      return connection
    }
  }

  private func greetTor(at address: SocketAddress, before deadline: ClientSocket.Deadline)
    throws(ProbeProblem) -> ProbeConnection
  {
    let next = "; is Tor running there? See --socks"
    do throws(ProbeConnection.Failure) {
      let connection = try ProbeConnection(to: address, before: deadline)
      // The nick is new in each probe, and with it the circuit.
      switch try SocksClient.greet(connection, user: prover.nick.description, before: deadline) {
      case .agreed: return connection
      case .notSocks: break
      case .refused:
        throw .notAFrame("")
      }
    } catch {
      let words = error == .notAFrame("") ? "it refuses our SOCKS user name" : error.words
      throw ProbeProblem(outcome: .noTor, text: "\(address): \(words)\(next)")
    }
    throw ProbeProblem(outcome: .noTor, text: "\(address) is no SOCKS5 port\(next)")
  }

  private func dial(_ connection: ProbeConnection, before deadline: ClientSocket.Deadline)
    throws(ProbeProblem)
  {
    let code: UInt8?
    do throws(ProbeConnection.Failure) {
      code = try SocksClient.connect(
        connection, to: probe.target.host, port: probe.target.port, before: deadline)
    } catch .socket(.timedOut) {
      throw ProbeProblem(
        outcome: .unreachable,
        text: "Tor found no way to the onion service within \(probe.timeout.words)")
    } catch {
      throw ProbeProblem(outcome: .noTor, text: "the SOCKS port: \(error.words)")
    }
    guard let code else {
      throw ProbeProblem(outcome: .noTor, text: "the SOCKS port's answer is no SOCKS5")
    }
    if code != 0 { throw ProbeProblem(outcome: .unreachable, text: SocksClient.words(code)) }
  }

  /// - Returns: the features that the directory offers.
  private func shakeHands(_ connection: ProbeConnection) throws(ProbeProblem) -> [String] {
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
    default: "its line is no JSON object"
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
      // A proof for another directory is what an attacker in between would want.
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

  private func ping(_ connection: ProbeConnection, isOffered: Bool) throws(ProbeProblem) {
    guard isOffered else { return skip(.ping, "it does not offer to answer one") }
    try step(.ping) { (deadline) throws(ProbeProblem) in
      try send(.ping, "", on: connection, before: deadline)
      _ = try next(.pong, on: connection, before: deadline)
      return ((), "")
    }
  }

  private func askForPeers(_ connection: ProbeConnection, _ features: [String])
    throws(ProbeProblem)
  {
    // joinmarket-clientserver's directory, which offers nothing, does not answer GETPEERLIST.
    if features.isEmpty {
      return skip(.peerlist, "without features a directory need not answer")
    }
    var count = PeerlistCount()
    stepBegan = .now
    var lastFrame = ContinuousClock.now
    do throws(ProbeProblem) {
      let deadline = ClientSocket.Deadline(after: probe.timeout)
      try send(.getPeerlist, "", on: connection, before: deadline)
      count.add(try next(.peerlist, on: connection, before: deadline))
      lastFrame = .now
      while let line = try nextOfList(connection, before: deadline) {
        count.add(line)
        lastFrame = .now
      }
    } catch {
      record(.peerlist, .failed, error.text)
      throw error
    }
    found.peers = count.peers
    record(
      .peerlist, .ok, "\(count.peers) peers in \(count.frames) frames", until: lastFrame)
  }

  /// Nil when the list has ended.
  private func nextOfList(_ connection: ProbeConnection, before deadline: ClientSocket.Deadline)
    throws(ProbeProblem) -> String?
  {
    guard deadline.milliseconds > 0 else {
      throw ProbeProblem(
        outcome: .refused, text: "its peerlist has no end within \(probe.timeout.words)")
    }
    do throws(ProbeConnection.Failure) {
      return try frame(.peerlist, on: connection, before: .init(after: probe.listQuiet))
    } catch .socket(.timedOut) {
      return nil
    } catch {
      throw ProbeProblem(outcome: .refused, text: error.words)
    }
  }

  // MARK: Messages

  private func send(
    _ type: MessageType, _ line: String, on connection: ProbeConnection,
    before deadline: ClientSocket.Deadline
  ) throws(ProbeProblem) {
    do throws(ProbeConnection.Failure) {
      try connection.send(type, line, before: deadline)
    } catch { throw ProbeProblem(outcome: .refused, text: error.words) }
  }

  private func answer<Answer: Decodable>(
    _ type: MessageType, on connection: ProbeConnection, before deadline: ClientSocket.Deadline
  ) throws(ProbeProblem) -> Answer {
    let line = try next(type, on: connection, before: deadline)
    guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)) else {
      throw ProbeProblem(
        outcome: .refused, text: "clients do not understand its message \(type.rawValue)")
    }
    return answer
  }

  private func next(
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

  /// Passes over what others say meanwhile, and answers the directory's own PING.
  private func frame(
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

  // MARK: Report

  private func step<Value>(
    _ name: ProbeReport.StepName,
    _ body: (ClientSocket.Deadline) throws(ProbeProblem) -> (Value, note: String)
  ) throws(ProbeProblem) -> Value {
    stepBegan = .now
    do throws(ProbeProblem) {
      let (value, note) = try body(.init(after: probe.timeout))
      record(name, .ok, note)
      return value
    } catch {
      record(name, .failed, "")
      throw error
    }
  }

  private func record(
    _ name: ProbeReport.StepName, _ result: ProbeReport.Step.Result, _ note: String,
    until end: ContinuousClock.Instant = .now
  ) {
    found.steps.append(
      .init(name: name, result: result, seconds: (end - stepBegan).seconds, note: note))
  }

  private func skip(_ name: ProbeReport.StepName, _ why: String) {
    found.steps.append(.init(name: name, result: .skipped, seconds: 0, note: why))
  }
}
