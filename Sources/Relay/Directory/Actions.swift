import Wire

/// What the directory asks the server to do, in order. The server performs the actions and empties
/// the arrays. The arrays keep their capacity, so routing a frame allocates nothing.
///
/// A received frame is borrowed: the server must perform the actions before the call that received
/// the frame returns.
package struct Actions {
  /// The bytes of a send.
  package enum Message {
    /// The frame being received, without its terminator.
    case received(Frame)
    /// A frame of the directory's own: `bytes[range]`, its terminator included.
    case made(Range<Int>, MessageType)
  }

  package enum Action {
    case send(Message, to: PeerID)
    /// To every present peer but one.
    case broadcast(Message, except: PeerID?)
    /// Subscribes this peer to broadcasts. Frames are taken from it again if it was held.
    case admit(PeerID, takesLongFrames: Bool)
    /// Takes no more frames from this peer until it is admitted or closed.
    case hold(PeerID)
    /// Sends a probe to a peer. The probe may overtake broadcasts that the peer has not read. The
    /// server calls `noteReading` until the probe has left.
    case probe(Message, to: PeerID)
    /// The next line of this peer, whatever it is, is its proof: `receiveProof`.
    case prove(PeerID)
    /// This peer's `location-string` names no endpoint, so the peer counts as serving none. The
    /// server logs it at `debug`.
    case noteUnusableLocation(PeerID)
    /// Sends a peerlist: the server calls `nextListPart` whenever the socket has taken everything.
    case sendPeerlist(PeerID)
    /// Closes the connection of a peer that the directory has forgotten. With `flush`, it first
    /// sends what is queued for the peer.
    case close(PeerID, CloseReason, flush: Bool)
  }

  package private(set) var items: [Action] = []
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var isEmpty: Bool { items.isEmpty }

  package mutating func add(_ action: Action) { items.append(action) }

  /// Returns the range of one whole frame of this type, which `body` appends.
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
