/// A peer of our own that comes in through our own doors, each in turn: it shakes hands as a watcher, asks for a PONG and goes. What it
/// meets is what any peer would meet, which is what /health answers for (promises.md, "Always come back"). One door that nobody gets
/// through is enough to be unwell: behind it may be all of Tor.
final class SelfProbe {
  /// How old a success may be for the relay to count as healthy.
  static let validity = Duration.seconds(30)
  /// Between two visits to the same door.
  static let usualInterval = Duration.seconds(10)
  static let patience = Duration.seconds(5)

  /// The name it uses; the status leaves it out.
  let nick = RelayIdentity.generate()

  private unowned let node: DirectoryNode
  private let interval: Duration
  private var timer: Timer?
  private var visit: ProbeConnection?
  private var doors: [Door]
  private var current = 0

  private struct Door {
    var lastSuccess: Instant?
    var hasFailed = false
  }

  /// When it last went well at the door where that is the longest ago. `nil` before the first success.
  var lastSuccess: Instant? { doors.compactMap(\.lastSuccess).min() }
  /// At a door that has never opened.
  var hasFailed: Bool { doors.contains { $0.hasFailed && $0.lastSuccess == nil } }

  /// - Parameter node: its listeners must all be there.
  init(of node: DirectoryNode, interval: Duration = SelfProbe.usualInterval) {
    self.node = node
    self.interval = interval
    doors = node.listeners.map { _ in Door() }
    timer = Timer(on: node.loop) { [unowned self] in run() }
  }

  func start() { run() }

  func stop() {
    timer?.cancel()
    visit?.close()
    visit = nil
  }

  /// Whether a peer would be served, as far as this can tell. Before the first visit has ended: yes.
  func isFresh(at now: Instant) -> Bool {
    !hasFailed && lastSuccess.map { now - $0 <= Self.validity } ?? true
  }

  private func run() {
    if visit != nil { finish(false) }
    guard !node.listeners.isEmpty else { return }
    current = (current + 1) % doors.count
    timer?.schedule(after: Self.patience)
    do throws(SocketError) {
      visit = try ProbeConnection(
        on: node.loop, to: node.listeners[current].address.fromWithin
      ) { [unowned self] served in finish(served) }
      visit?.say(opening)
    } catch {
      finish(false)
    }
  }

  private func finish(_ served: Bool) {
    visit?.close()
    visit = nil
    if served {
      doors[current].lastSuccess = node.loop.now
    } else {
      doors[current].hasFailed = true
    }
    timer?.schedule(after: interval / doors.count)
  }

  private var opening: [UInt8] {
    var bytes: [UInt8] = []
    if node.settings.proxyProtocol {
      // A circuit that Tor would come to last.
      bytes += Array("PROXY TCP6 fc00:dead:beef:4dad::ffff:ffff ::1 0 0\r\n".utf8)
    }
    Frame.append(
      .handshake,
      """
      {"app-name": "joinmarket", "directory": false, "location-string": "NOT-SERVING-ONION", \
      "proto-ver": 5, "features": {"ping": true}, "nick": "\(nick)", \
      "network": "\(node.settings.network.rawValue)"}
      """, to: &bytes)
    Frame.append(.ping, "", to: &bytes)
    return bytes
  }
}

/// The probe's end of its connection. It has been served when a PONG has come, or a handshake reply that turns it away: a full
/// relay, and one that wants proofs, do their work.
private final class ProbeConnection: Connection {
  private let outcome: (Bool) -> Void

  init(
    on loop: EventLoop, to address: SocketAddress, outcome: @escaping (Bool) -> Void
  ) throws(SocketError) {
    self.outcome = outcome
    super.init(on: loop, adopting: try Connection.connecting(to: address))
    startReading()
  }

  func say(_ bytes: [UInt8]) {
    let sent = bytes.withUnsafeBytes { send($0) }
    if case .failed = sent { outcome(false) }
  }

  override func received() {
    var served = false
    withInput(whole: true) { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      served = text.contains(#"{"type": 799,"#) || text.contains(#"\"accepted\": false"#)
      return 0
    }
    if served { outcome(true) }
  }

  override func ended(_ end: End) { outcome(false) }
}

extension SocketAddress {
  /// How this process reaches a listener of its own: a wildcard is not an address to call.
  var fromWithin: SocketAddress {
    switch self {
    case .tcp("0.0.0.0", let port): .tcp(host: "127.0.0.1", port: port)
    case .tcp("::", let port): .tcp(host: "::1", port: port)
    default: self
    }
  }
}
