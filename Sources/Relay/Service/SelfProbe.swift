import EventLoop
import Identity
import Server
import Settings
import Status
import Units
import Wire

/// Connects to each listener in turn, completes a handshake as a watcher and expects a PONG.
/// /health reports the result (promises.md, "Always come back"). A single failing listener makes
/// the relay unhealthy: all of Tor may be behind it.
package final class SelfProbe {
  /// The interval between two probes of a listener.
  package static let usualInterval = Duration.seconds(10)
  /// The timeout of a probe.
  static let timeout = Duration.seconds(5)

  package let results: ProbeResults
  private unowned let node: DirectoryNode
  private let interval: Duration
  private var timer: Timer?
  private var connection: ProbeConnection?
  private var current = 0

  /// - Parameter node: a node with all its listeners.
  package init(of node: DirectoryNode, interval: Duration = SelfProbe.usualInterval) {
    self.node = node
    self.interval = interval
    results = ProbeResults(
      nick: RelayIdentity.generate(), listenerCount: node.acceptGate.listeners.count)
    timer = Timer(on: node.loop) { [unowned self] in run() }
  }

  package func start() { run() }

  package func stop() {
    timer?.cancel()
    connection?.close()
    connection = nil
  }

  private func run() {
    if connection != nil { finish(false) }
    let listeners = node.acceptGate.listeners
    guard !listeners.isEmpty else { return }
    current = (current + 1) % listeners.count
    timer?.schedule(after: Self.timeout)
    do throws(SocketError) {
      connection = try ProbeConnection(
        on: node.loop, to: listeners[current].address.loopbackAddress
      ) { [unowned self] served in finish(served) }
      connection?.write(opening)
    } catch {
      finish(false)
    }
  }

  private func finish(_ served: Bool) {
    connection?.close()
    connection = nil
    if served { results.succeed(current, at: node.loop.now) } else { results.fail(current) }
    timer?.schedule(after: interval / max(1, node.acceptGate.listeners.count))
  }

  private var opening: [UInt8] {
    var bytes: [UInt8] = []
    if node.hasProxyLine(current) {
      // The highest circuit id, which Tor will not assign in practice.
      bytes += Array("PROXY TCP6 fc00:dead:beef:4dad::ffff:ffff ::1 0 0\r\n".utf8)
    }
    Frame.append(
      .handshake,
      """
      {"app-name": "joinmarket", "directory": false, "location-string": "NOT-SERVING-ONION", \
      "proto-ver": 5, "features": {"ping": true}, "nick": "\(results.nick)", \
      "network": "\(node.settings.network.rawValue)"}
      """, to: &bytes)
    Frame.append(.ping, "", to: &bytes)
    return bytes
  }
}

/// The probe's end of its connection. A PONG counts as success, and so does a refused handshake: a
/// relay that is full or requires proofs works correctly.
private final class ProbeConnection: Connection {
  // Searched as bytes: text would bring in much of the standard library's code every ten seconds.
  private static let pong = Array(#"{"type": 799,"#.utf8)
  private static let refusal = Array(#"\"accepted\": false"#.utf8)

  private let outcome: (Bool) -> Void

  init(
    on loop: EventLoop, to address: SocketAddress, outcome: @escaping (Bool) -> Void
  ) throws(SocketError) {
    self.outcome = outcome
    super.init(on: loop, adopting: try .connecting(to: address))
    startReading()
  }

  func write(_ bytes: [UInt8]) {
    let sent = bytes.withView { send($0) }
    if case .failed = sent { outcome(false) }
  }

  override func received() {
    var served = false
    withInput(whole: true) { bytes in
      served = [Self.pong, Self.refusal].contains { bytes.firstOffset(of: $0) != nil }
      return 0
    }
    if served { outcome(true) }
  }

  override func ended(_ end: End) { outcome(false) }
}

extension SocketAddress {
  /// The address at which this process reaches a listener of its own: a wildcard becomes loopback.
  var loopbackAddress: SocketAddress {
    switch self {
    case .tcp("0.0.0.0", let port): .tcp(host: "127.0.0.1", port: port)
    case .tcp("::", let port): .tcp(host: "::1", port: port)
    default: self
    }
  }
}
