import Identity
import Wire

/// What has happened since the start, in totals only (promises.md, "Never tell"). Counting is an
/// addition in a fixed array: it happens for every frame. Code that shows the counters reads them
/// when asked and keeps nothing here.
package struct Counters {
  package var connectionsOpened = 0
  package var closed = Tally<CloseReason>()
  package var dropped = Tally<DropReason>()
  package var handshakesAccepted = 0
  package var rejected = Tally<Rejection>()
  /// Frames from peers, by message type.
  package var received = FrameCounts()
  package var proofs = Tally<NickAuthCode>()
  /// Those of them that held, with no place left.
  package var fullAtProof = 0
  package var listsServed = 0
  package var probesSent = 0
  package var takeovers = 0
  /// Frames over `MESSAGE_RATE_LIMIT`, of all peers that ever were.
  package var rateViolations = 0
  /// Peers displaced at `MAX_PEERS`, and connections displaced at `MAX_PENDING`.
  package var evictedPeers = 0
  package var evictedPending = 0
}

/// How often each case of an enumeration has come up. The cases are few, so that finding one's
/// place among them is a short walk.
package struct Tally<Key: CaseIterable & Equatable> {
  private let keys = Array(Key.allCases)
  private var counts = [Int](repeating: 0, count: Key.allCases.count)

  package subscript(key: Key) -> Int { keys.firstIndex(of: key).map { counts[$0] } ?? 0 }

  package mutating func count(_ key: Key) {
    if let place = keys.firstIndex(of: key) { counts[place] += 1 }
  }

  package var total: Int { counts.reduce(0, +) }

  /// Every case in its order, those that never came up too.
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
  /// What metrics call the types, each at its `place`; the last is everything that the protocol
  /// does not know.
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
