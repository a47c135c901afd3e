/// What the directory wants done, in order. The server performs it and empties it; both arrays keep their room, so that routing a frame
/// allocates nothing.
package struct Actions {
  package enum Action: Equatable {
    /// The frame being received, to one peer.
    case relay(to: PeerID)
    /// The frame being received, to every present peer but its sender.
    case broadcast(except: PeerID)
    /// Frames made here, `bytes[range]`, to one peer.
    case send(Range<Int>, to: PeerID)
    /// One frame made here, to every present peer but one.
    case sendAll(Range<Int>, except: PeerID?)
    /// From here on broadcasts reach this peer.
    case admit(PeerID, takesLongFrames: Bool)
    /// Take no more frames from this peer until `resume`.
    case hold(PeerID)
    case resume(PeerID)
    /// The next line of this peer, whatever it is, is its proof: `receiveProof`.
    case prove(PeerID)
    /// This peer's `location-string` names no endpoint, so it is taken as serving none: worth a line in the debug log.
    case noteUnusableLocation(PeerID)
    /// A list is under way: `nextListPart` whenever its socket has taken all.
    case sendPeerlist(PeerID)
    /// The directory has forgotten this peer; close its connection. With `flush`, after what was sent to it.
    case close(PeerID, CloseReason, flush: Bool)
  }

  package private(set) var items: [Action] = []
  package private(set) var bytes: [UInt8] = []

  package init() {}

  package var isEmpty: Bool { items.isEmpty }

  package mutating func add(_ action: Action) { items.append(action) }

  /// Appends frames to `bytes` and says where they are.
  package mutating func write(_ body: (inout [UInt8]) -> Void) -> Range<Int> {
    let start = bytes.count
    body(&bytes)
    return start..<bytes.count
  }

  package mutating func removeAll() {
    items.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }
}
