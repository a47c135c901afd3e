import Directory
import EventLoop
import Wire

/// One peer's connection: bytes in, bytes out, and what the server has to remember between them. What the peer means is the
/// directory's business.
///
/// Kept small: there are ten thousand of them. `DirectoryNode` holds every session and drops it at its end.
package final class Session: Connection {
  /// Where a session is in its life. It only ever moves down this list.
  enum Phase: UInt8 {
    /// The first line must be a PROXY line.
    case expectingProxyLine
    case reading
    /// The next line is the proof of its nick, whatever is in it.
    case proving
    /// The directory wants no frame of it for now.
    case held
    /// Forgotten by the directory; what was sent to it is flushed, what it sends is thrown away.
    case leaving
  }

  package let id: PeerID
  private unowned let node: DirectoryNode
  var framer: LineFramer
  var phase: Phase
  /// Whether broadcasts reach it, and its place in the outbox then.
  package var subscriberIndex: Int32 = -1
  package var takesLongFrames = false
  /// Its proof waits for a turn in which there is time for it.
  var isPostponed = false
  /// It will be closed at the end of the turn; nothing more is sent to it.
  var isClosing = false
  /// What of this turn is for it alone (`Outbox`).
  var turn = Outbox.View()

  package init(
    on loop: EventLoop, adopting descriptor: Int32, id: PeerID, node: DirectoryNode,
    expectsProxyLine: Bool
  ) {
    self.id = id
    self.node = node
    phase = expectsProxyLine ? .expectingProxyLine : .reading
    framer = LineFramer(limit: expectsProxyLine ? ProxyLine.limit - 2 : node.lineLimit)
    super.init(on: loop, adopting: descriptor)
  }

  override package func received() { node.read(self) }
  override package func drained() { node.drained(self) }
  override package func ended(_ end: End) { node.ended(self, end) }
}
