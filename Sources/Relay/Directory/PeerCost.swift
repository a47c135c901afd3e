import Units
import Wire

/// The cost that one connection has caused since it connected, or since the last hot restart.
///
/// Kept small: each peer has one.
package struct PeerCost: Equatable {
  /// Copies of its lines that were sent to other peers.
  package var deliveries = 0
  /// The bytes of public lines that passed the limits, `!orderbook` included.
  package var publicBytes = 0
  /// The number of these lines.
  package var publicLines: UInt32 = 0
  package var orderbookRequests: UInt32 = 0
  package var frames: UInt32 = 0
}

extension UInt32 {
  /// Saturates: the counter must not overflow.
  fileprivate mutating func countOne() { if self < .max { self += 1 } }
}

extension Peer {
  mutating func countFrame(at now: Instant) {
    lastReceived = now
    cost.frames.countOne()
  }

  /// Counts a public line that has passed the limits.
  mutating func countPublicLine(bytes: Int, isRequest: Bool) {
    flags.insert(.active)
    cost.publicLines.countOne()
    cost.publicBytes += bytes
    if isRequest { cost.orderbookRequests.countOne() }
  }
}

extension Directory {
  /// A connection as `jm-directory-ctl peers` shows it.
  package struct ConnectionFigures {
    package let id: PeerID
    /// `nil` before the handshake.
    package let nick: Nick?
    package let circuit: CircuitID?
    /// The name of the state in `jm-directory-ctl peers`.
    package let state: String
    package let age: Duration
    package let cost: PeerCost
  }

  /// Returns the figures of the connection in this slot; `nil` when there is none.
  package func figures(at index: Int, now: Instant) -> ConnectionFigures? {
    let peer = registry[index]
    guard peer.state != .free else { return nil }
    return ConnectionFigures(
      id: registry.id(at: index), nick: peer.nick == .nobody ? nil : peer.nick,
      circuit: peer.circuit, state: peer.state.label,
      age: max(.zero, now - peer.connectedAt), cost: peer.cost)
  }

  /// Returns the connections of this circuit.
  package func connections(of circuit: CircuitID) -> [PeerID] {
    registry.slots.indices.compactMap {
      registry[$0].circuit == circuit ? registry.id(at: $0) : nil
    }
  }
}

extension Peer.State {
  fileprivate var label: String {
    switch self {
    case .free: "free"
    case .pending: "pending"
    case .waiting: "waiting"
    case .proving: "proving"
    case .present: "present"
    }
  }
}
