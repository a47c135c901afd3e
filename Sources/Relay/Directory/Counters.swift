import Identity
import Wire

/// Totals since the start, with nothing about single peers (promises.md, "Never tell"). Each frame
/// is counted, so counting is one addition in a fixed array.
package struct Counters {
  package var connectionsOpened = 0
  package var closed = Tally<CloseReason>()
  package var dropped = Tally<DropReason>()
  package var handshakesAccepted = 0
  package var rejected = Tally<Rejection>()
  /// Frames from peers, by message type.
  package var received = FrameCounts()
  package var proofs = Tally<NickAuthCode>()
  /// The proofs of them that were valid and found no place left.
  package var fullAtProof = 0
  package var listsServed = 0
  package var probesSent = 0
  package var takeovers = 0
  /// Frames over `MESSAGE_RATE_LIMIT`, of all peers since the start.
  package var rateViolations = 0
  /// Peers displaced at `MAX_PEERS`, and connections displaced at `MAX_PENDING`.
  package var evictedPeers = 0
  package var evictedPending = 0
}

/// Counts each case of an enumeration. The cases are few, so a linear search for a case is short.
package struct Tally<Key: CaseIterable & Equatable> {
  private let keys = Array(Key.allCases)
  private var counts = [Int](repeating: 0, count: Key.allCases.count)

  package subscript(key: Key) -> Int { keys.firstIndex(of: key).map { counts[$0] } ?? 0 }

  package mutating func count(_ key: Key) {
    if let place = keys.firstIndex(of: key) { counts[place] += 1 }
  }

  package var total: Int { counts.reduce(0, +) }

  /// Every case in its order, also those that were never counted.
  package var all: [(key: Key, count: Int)] {
    Array(zip(keys, counts)).map { (key: $0, count: $1) }
  }
}

/// Frames and their bytes, terminators included, by message type.
package struct FrameCounts {
  package struct Row {
    package var frames = 0
    package var bytes = 0
  }

  private var rows = [Row](repeating: Row(), count: MessageType.labels.count)

  package init() {}

  /// - Parameters:
  ///   - type: `nil` for a type that is not in the protocol.
  ///   - bytes: of all these frames together.
  package mutating func count(_ type: MessageType?, frames: Int = 1, bytes: Int) {
    let place = MessageType.place(of: type)
    rows[place].frames += frames
    rows[place].bytes += bytes
  }

  package subscript(type: MessageType?) -> Row { rows[MessageType.place(of: type)] }

  package var total: Row {
    rows.reduce(into: Row()) {
      $0.frames += $1.frames
      $0.bytes += $1.bytes
    }
  }

  /// By the names that metrics give to the types.
  package var all: [(label: String, row: Row)] {
    zip(MessageType.labels, rows).map { (label: $0, row: $1) }
  }
}

extension MessageType {
  /// The names of the types in metrics, each at its `place`. The last one stands for all unknown
  /// types.
  package static let labels = [
    "privmsg", "pubmsg", "peerlist", "getpeerlist", "handshake", "dn_handshake", "ping", "pong",
    "disconnect", "nick_auth_challenge", "nick_auth_proof", "nick_auth_result", "other",
  ]

  package static func place(of type: MessageType?) -> Int {
    switch type {
    case .privmsg: 0
    case .pubmsg: 1
    case .peerlist: 2
    case .getPeerlist: 3
    case .handshake: 4
    case .directoryHandshake: 5
    case .ping: 6
    case .pong: 7
    case .disconnect: 8
    case .nickAuthChallenge: 9
    case .nickAuthProof: 10
    case .nickAuthResult: 11
    case nil: 12
    }
  }
}
