import Directory
import EventLoop
import Logging
import Server
import Settings
import Status
import Units
import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The operator's socket (`ADMIN_SOCKET`): lists the costs of connections and closes connections.
///
/// It speaks lines instead of HTTP, because libevent's HTTP server is not safe on a Unix socket
/// (docs/operating.md). The answer to `peers` has one JSON object a line for each connection and a
/// last line with their number. `close circuit` and `close nick` are answered with `{"closed": n}`,
/// anything else with `{"error": "…"}`.
final class AdminSocket {
  private let relay: RelayStatus
  private let log = Logger(label: "admin")
  private var listener: Listener?
  private var connections: [ObjectIdentifier: AdminConnection] = [:]

  static let mostConnections = 8
  /// The number of slots in one part of the answer to `peers`.
  static let slotsPerPart = 256

  init(for relay: RelayStatus, at path: String) throws(SocketError) {
    self.relay = relay
    listener = try Listener(on: relay.node.loop, address: .unix(path: path), mode: 0o600) {
      [unowned self] in accept($0)
    }
  }

  /// - Parameter user: `nil` when the kernel does not tell.
  static func isAllowed(_ user: UInt32?) -> Bool { user == 0 || user == geteuid() }

  private func accept(_ socket: consuming Descriptor) {
    guard Self.isAllowed(socket.peerUser) else {
      log.warning("a client of another user was refused")
      return socket.sendAndClose(
        Self.failure("only the relay's own user and root may ask here"))
    }
    guard connections.count < Self.mostConnections else {
      return socket.sendAndClose(Self.failure("too many clients at once"))
    }
    let connection = AdminConnection(
      on: relay.node.loop, adopting: socket, answer: { [unowned self] in answer($0) },
      onEnd: { [unowned self] in connections[ObjectIdentifier($0)] = nil })
    connections[ObjectIdentifier(connection)] = connection
  }

  // MARK: Answers

  private func answer(_ line: String?) -> AdminConnection.Parts {
    guard let line, let command = AdminCommand(line) else {
      return Self.once(
        Self.failure("known are peers, close circuit [LISTENER:]ID and close nick NICK"))
    }
    switch command {
    case .peers: return peers()
    case .closeNick(let nick): return close(holder(of: nick).map { [$0] } ?? [])
    case .closeCircuit(let name, let number):
      let listeners = relay.node.listenerStates.indices.filter {
        relay.node.hasProxyLine($0) && (name == nil || relay.node.listenerStates[$0].name == name)
      }
      guard listeners.count <= 1 else {
        return Self.once(
          Self.failure(
            "several listeners have circuits: name one, as in "
              + "\(relay.node.listenerStates[listeners[0]].name):\(number)"))
      }
      let circuits = listeners.map {
        CircuitID(value: number).numbered(by: UInt16(clamping: $0))
      }
      return close(circuits.flatMap { relay.node.directory.connections(of: $0) })
    }
  }

  /// The relay's own probe does not count as a peer.
  private func holder(of nick: Nick) -> PeerID? {
    nick == relay.probe?.nick ? nil : relay.node.directory.registry.holder(of: nick)
  }

  private func close(_ ids: [PeerID]) -> AdminConnection.Parts {
    let sessions = ids.compactMap { relay.node.sessions[$0] }
    for session in sessions { relay.node.close(session, .admin) }
    if !sessions.isEmpty {
      log.notice("closed by the operator", metadata: ["connections": "\(sessions.count)"])
    }
    return Self.once(Array("{\"closed\": \(sessions.count)}\n".utf8))
  }

  /// Connections that come or go meanwhile may be missing.
  private func peers() -> AdminConnection.Parts {
    var slot = 0
    var count = 0
    var isOver = false
    return { [unowned self] in
      guard !isOver else { return nil }
      var text = ""
      let end = min(slot + Self.slotsPerPart, relay.node.directory.registry.slots.count)
      while slot < end {
        if let row = row(at: slot) {
          text += row
          count += 1
        }
        slot += 1
      }
      if slot >= relay.node.directory.registry.slots.count {
        isOver = true
        text += "{\"connections\": \(count)}\n"
      }
      return Array(text.utf8)
    }
  }

  private func row(at slot: Int) -> String? {
    let node = relay.node
    guard let figures = node.directory.figures(at: slot, now: node.loop.now),
      figures.nick == nil || figures.nick != relay.probe?.nick,
      let session = node.sessions[figures.id]
    else { return nil }
    let nick = node.settings.statusNicks ? figures.nick.map { "\"\($0)\"" } : nil
    let cost = figures.cost
    return """
      {"connection": "\(figures.id)", "nick": \(nick ?? "null"), \
      "listener": "\(node.listenerName(of: session))", \
      "circuit": \(figures.circuit.map { "\($0.value)" } ?? "null"), \
      "state": "\(figures.state)", "age": \(figures.age.seconds), "frames": \(cost.frames), \
      "public_lines": \(cost.publicLines), "public_bytes": \(cost.publicBytes), \
      "orderbook_requests": \(cost.orderbookRequests), "deliveries": \(cost.deliveries), \
      "backlog": \(session.backlog)}

      """
  }

  private static func once(_ bytes: [UInt8]) -> AdminConnection.Parts {
    var rest: [UInt8]? = bytes
    return { rest.take() }
  }

  private static func failure(_ text: String) -> [UInt8] {
    Array("{\"error\": \"\(text)\"}\n".utf8)
  }
}
