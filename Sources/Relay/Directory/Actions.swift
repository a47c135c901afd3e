import Wire

/// What the directory wants done, in order. The server performs it and empties it; both arrays keep
/// their room, so that routing a frame allocates nothing.
///
/// A frame that is being received is borrowed: the actions must be performed before the call that
/// received it returns.
package struct Actions {
  /// What is sent.
  package enum Message {
    /// The frame being received, without its terminator.
    case received(Frame)
    /// A frame made here: `bytes[range]`, its terminator included.
    case made(Range<Int>, MessageType)
  }

  package enum Action {
    case send(Message, to: PeerID)
    /// To every present peer but one.
    case broadcast(Message, except: PeerID?)
    /// Broadcasts reach this peer from now on. If it was held, it takes frames again.
    case admit(PeerID, takesLongFrames: Bool)
    /// Take no more frames from this peer until it is admitted or closed.
    case hold(PeerID)
    /// To a peer that has to answer: it may overtake broadcasts that the peer has not read.
    /// `noteReading` wants to be told while it cannot answer yet.
    case probe(Message, to: PeerID)
    /// The next line of this peer, whatever it is, is its proof: `receiveProof`.
    case prove(PeerID)
    /// This peer's `location-string` names no endpoint, so it is taken as serving none: worth a
    /// line in the debug log.
    case noteUnusableLocation(PeerID)
    /// A list is under way: `nextListPart` whenever its socket has taken all.
    case sendPeerlist(PeerID)
    /// The directory has forgotten this peer; close its connection. With `flush`, after what was
    /// sent to it.
    case close(PeerID, CloseReason, flush: Bool)
  }

  package private(set) var items: [Action] = []
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var isEmpty: Bool { items.isEmpty }

  package mutating func add(_ action: Action) { items.append(action) }

  /// Returns a message that `body` appends: one whole frame of this type.
  mutating func make(_ type: MessageType, _ body: (inout [UInt8]) -> Void) -> Message {
    let start = bytes.count
    body(&bytes)
    return .made(start..<bytes.count, type)
  }

  /// Returns a frame with this text as its line.
  mutating func make(_ type: MessageType, line: String) -> Message {
    make(type) { Frame.append(type, line, to: &$0) }
  }

  package mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }
}
