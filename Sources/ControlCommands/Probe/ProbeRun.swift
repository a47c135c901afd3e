import EventLoop
import Identity
import Units
import Wire

/// The state of a running probe.
final class ProbeRun {
  let probe: DirectoryProbe
  let prover = NickProver()
  var found: ProbeReport
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
      // Each probe has a new nick and therefore a new circuit.
      switch try SocksClient.greet(connection, user: prover.nick.description, before: deadline) {
      case .agreed: return connection
      case .notSocks: break
      case .refused:
        throw .notAFrame("")
      }
    } catch {
      let words = error == .notAFrame("") ? "it refuses the probe's SOCKS user name" : error.words
      throw ProbeProblem(outcome: .noTor, text: "\(address): \(words)\(next)")
    }
    throw ProbeProblem(outcome: .noTor, text: "\(address) is not a SOCKS5 port\(next)")
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
        text: "Tor did not reach the onion service within \(probe.timeout.words)")
    } catch {
      throw ProbeProblem(outcome: .noTor, text: "the SOCKS port: \(error.words)")
    }
    guard let code else {
      throw ProbeProblem(outcome: .noTor, text: "the SOCKS port's answer is not SOCKS5")
    }
    if code != 0 { throw ProbeProblem(outcome: .unreachable, text: SocksClient.words(code)) }
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
    // joinmarket-clientserver's directory offers no features and does not answer GETPEERLIST.
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
        outcome: .refused, text: "its peerlist does not end within \(probe.timeout.words)")
    }
    do throws(ProbeConnection.Failure) {
      return try frame(.peerlist, on: connection, before: .init(after: probe.listQuiet))
    } catch .socket(.timedOut) {
      return nil
    } catch {
      throw ProbeProblem(outcome: .refused, text: error.words)
    }
  }

  // MARK: Report

  func step<Value>(
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

  func skip(_ name: ProbeReport.StepName, _ why: String) {
    found.steps.append(.init(name: name, result: .skipped, seconds: 0, note: why))
  }
}
