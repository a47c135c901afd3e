import Directory
import EventLoop
import Wire

/// One peer's connection, with the server's state of it. The directory interprets its frames.
///
/// Kept small: there are ten thousand of them. `DirectoryNode` owns all sessions.
package final class Session: Connection {
  package let id: PeerID
  /// The position of its listener.
  let listener: UInt16
  unowned let node: DirectoryNode
  var framer: LineFramer
  private(set) var state: State
  /// Whether the peer accepts lines longer than a cs client's limit.
  package var takesLongFrames = false
  /// It has input and reads when other new connections have.
  var isDeferred = false
  /// Its index in the outbox's subscribers, or −1. Only the outbox uses it.
  var subscriberIndex: Int32 = -1
  /// What it gets of this turn. Only the outbox uses it.
  var turn = Outbox.View()

  package convenience init(
    on loop: EventLoop, adopting socket: consuming Descriptor, id: PeerID, node: DirectoryNode,
    listener: Int = 0, expectsProxyLine: Bool
  ) {
    self.init(
      on: loop, adopting: socket, id: id, node: node, listener: UInt16(clamping: listener),
      in: expectsProxyLine ? .expectingProxyLine : .handshaking)
  }

  /// - Parameter state: the state of a new connection, or of one from another process.
  init(
    on loop: EventLoop, adopting socket: consuming Descriptor, id: PeerID, node: DirectoryNode,
    listener: UInt16, in state: State
  ) {
    self.id = id
    self.listener = listener
    self.node = node
    self.state = state
    framer = LineFramer(limit: state == .expectingProxyLine ? ProxyLine.limit - 2 : node.lineLimit)
    super.init(on: loop, adopting: socket)
  }

  /// Changes the state to `next`. A transition that Session+State.swift does not allow is a bug of
  /// the server, whatever the peer sends, and traps.
  func move(to next: State) {
    precondition(state.allows(next), "a session cannot go from \(state) to \(next)")
    state = next
  }

  override package func received() {
    // A flood of thousands of peers must not delay the few lines of the others.
    if state == .present, inputCount >= Connection.readSize { return node.readLater(self) }
    if state == .expectingProxyLine || state == .handshaking { return node.readFresh(self) }
    read()
  }
  override package func drained() { node.drained(self) }
  override package func ended(_ end: End) { node.ended(self, end) }
}
