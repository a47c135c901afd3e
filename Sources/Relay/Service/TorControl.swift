import Directory
import EventLoop
import Logging
import Server
import Settings
import Status
import Units
import Wire

/// Asks Tor to close circuits whose budgets stay exhausted (`TOR_CONTROL`). The relay does not
/// depend on it: while Tor does not answer, the budgets work as without it.
final class TorControl {
  let results = TorControlResults()
  private let node: DirectoryNode
  private let address: SocketAddress
  private let listener: UInt16
  private let log = Logger(label: "tor-control")
  private var state = State.resting
  private var retry: Timer?
  private var delay = TorControl.firstDelay
  private var warnedAt: Instant?
  private var isWarned = false
  private var logged = (closed: 0, at: Instant(nanoseconds: .min / 2))

  private enum State {
    case resting
    case authenticating(TorControlConnection, since: Instant)
    /// - Parameter waiting: the times at which Tor was asked to close circuits, in order.
    case ready(TorControlConnection, since: Instant, waiting: [Instant])
  }

  /// The timeout of an answer.
  static let timeout = Duration.seconds(10)
  /// The delay of the first new attempt. It doubles with each attempt.
  static let firstDelay = Duration.seconds(1)
  static let longestDelay = Duration.seconds(60)
  /// The shortest time between two warnings, and between two records of closed circuits.
  static let warningInterval = Duration.seconds(600)
  static let recordInterval = Duration.seconds(60)
  /// The largest number of unanswered requests.
  static let mostWaiting = 16

  init(_ setting: TorControlSetting, for node: DirectoryNode) throws(TorControlFault) {
    self.node = node
    address =
      switch setting.place {
      case .tcp(let host, let port): .tcp(host: host, port: port)
      case .unix(let path): .unix(path: path)
      }
    let listeners = node.listenerStates.map { ($0.name, $0.hasProxyLine) }
    listener = UInt16(clamping: try setting.position(among: listeners))
    node.directory.exhaustedCircuits.listener = listener
    retry = Timer(on: node.loop) { [unowned self] in connect() }
    connect()
  }

  // MARK: The connection

  private func connect() {
    guard case .resting = state else { return }
    do throws(TorControlFailure) {
      let secret = try TorControlSecret(node.settings)
      let connection: TorControlConnection
      do throws(SocketError) {
        connection = try TorControlConnection(
          on: node.loop, to: address, onReply: { [unowned self] in take($0) },
          onEnd: { [unowned self] in fail($0) })
      } catch { throw .notConnected("\(error)") }
      state = .authenticating(connection, since: node.loop.now)
      connection.send(command: secret.command)
    } catch { fail(error) }
  }

  private func take(_ reply: TorReply) {
    switch state {
    case .resting: return
    case .authenticating(let connection, _):
      guard reply.code == 250 else { return drop(.notLetIn(code: reply.code)) }
      state = .ready(connection, since: node.loop.now, waiting: [])
      results.isReady = true
      if isWarned { log.notice("Tor's control port answers again") }
      isWarned = false
    case .ready(let connection, let since, var waiting):
      // A reply without a request.
      guard !waiting.isEmpty else { return drop(.garbled) }
      waiting.removeFirst()
      state = .ready(connection, since: since, waiting: waiting)
      switch reply.code {
      case 250: results.closed += 1
      case 552: results.unknown += 1
      default: results.refused += 1
      }
    }
  }

  private func drop(_ failure: TorControlFailure) {
    switch state {
    case .resting: return
    case .authenticating(let connection, _), .ready(let connection, _, _): connection.close()
    }
    fail(failure)
  }

  private func fail(_ failure: TorControlFailure) {
    let now = node.loop.now
    // It worked for long, so the delay starts again.
    if case .ready(_, let since, _) = state, since + Self.longestDelay <= now {
      delay = Self.firstDelay
    }
    state = .resting
    results.isReady = false
    results.failures += 1
    // A restarted Tor numbers its circuits anew.
    node.directory.exhaustedCircuits.forgetAll()
    retry?.schedule(after: delay)
    delay = min(delay + delay, Self.longestDelay)
    if let warnedAt, now < warnedAt + Self.warningInterval { return }
    warnedAt = now
    isWarned = true
    log.warning(
      "no help from Tor: circuits are limited but not closed", metadata: ["reason": "\(failure)"])
  }

  // MARK: Circuits

  /// Called at every tick of the node.
  func tick() {
    let now = node.loop.now
    switch state {
    case .resting: break
    case .authenticating(_, let since): if since + Self.timeout <= now { drop(.silent) }
    case .ready(let connection, let since, var waiting):
      if let first = waiting.first, first + Self.timeout <= now { return drop(.silent) }
      let circuits = node.directory.takeExhaustedCircuits(
        Self.mostWaiting - waiting.count, after: node.settings.torControlCloseAfter, at: now)
      waiting += circuits.map { _ in now }
      state = .ready(connection, since: since, waiting: waiting)
      for circuit in circuits {
        connection.send(command: Array("CLOSECIRCUIT \(circuit.value)".utf8))
      }
    }
    record(at: now)
  }

  /// Logs how many, never which.
  private func record(at now: Instant) {
    guard results.closed > logged.closed, logged.at + Self.recordInterval <= now else { return }
    log.notice(
      "circuits closed: their budgets stayed exhausted",
      metadata: ["circuits": "\(results.closed - logged.closed)"])
    logged = (results.closed, now)
  }
}
