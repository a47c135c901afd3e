import Directory
import EventLoop
import Units
import Wire

/// Everything that leaves in a turn of the loop, and how it leaves: one write per peer, at the end
/// of the turn.
///
///     shared   [ frame A ][ frame B ][ frame C ]        for every subscriber
///     own      [ reply to x ][ private line to y ]      for one peer each
///
/// A subscriber to which nothing special happened is given `shared` as it is, in one `send`. A peer
/// that sent one of the frames itself, that subscribed in between, or that also gets something of
/// its own has a `View`: a chain of pieces of the two buffers in the order in which they were
/// queued, given in one `writev`. So nothing is torn or reordered, a delivery costs no allocation,
/// and only what the kernel refuses is copied (into the connection's output buffer).
///
/// Safe: pieces are sent before `shared`, `own` or the list's page change or go.
///
/// With many subscribers `shared` goes out in portions, so that other peers have their turn in
/// between. A subscriber that gets something of its own meanwhile is given its part first.
package final class Outbox {
  /// What one session gets of this turn beyond, or instead of, `shared`.
  struct View {
    /// It still gets what `shared` holds from this offset on.
    var sharedFrom: Int32 = 0
    package var first: Int32 = -1
    package var last: Int32 = -1
    /// Whether it stands in `marked` and is to be reset at the end of the turn.
    var isMarked = false
  }

  struct Piece {
    var start: Int32
    var end: Int32
    let isShared: Bool
    var next: Int32 = -1
  }

  /// A turn with more than this is sent at once, whatever is still to come: it bounds what the turn
  /// may hold.
  static let mostBytes = 256 << 10

  /// Subscribers that are given `shared` in one turn, at most, and the bytes that they are given
  /// together: less than a millisecond of work.
  let portion: Int
  static let portionBytes = 2 << 20

  var shared: [UInt8] = []
  var own: [UInt8] = []
  var pieces: [Piece] = []
  var marked: [Session] = []
  var vectors = SendPieces()
  /// The sessions that broadcasts reach, without gaps.
  var subscribers: [Session] = []
  /// What is on its way in portions: `shared` of an earlier turn.
  var rest: [UInt8] = []
  /// The subscribers from this one on have not been given `rest`.
  var restStart = 0

  /// Messages of peers handed on: the sum over all of them of their receivers.
  package private(set) var deliveries = 0
  /// Everything queued for peers, by type, each copy counted.
  package internal(set) var queued = FrameCounts()
  /// Bytes handed to sockets or to their backlogs.
  package internal(set) var bytesOut = 0
  /// Copies that were not made because the receiver would drop its connection on so long a line.
  package private(set) var withheldLongFrames = 0

  package init(portion: Int = 100) { self.portion = portion }

  package var isEmpty: Bool { shared.isEmpty && marked.isEmpty }
  /// Whether broadcasts are on their way in portions.
  package var isSending: Bool { !rest.isEmpty }
  package var isFull: Bool { shared.count + own.count > Self.mostBytes }

  // MARK: What is queued

  /// Queues one frame, its terminator included, for every subscriber but one.
  package func broadcast(
    _ frame: ByteView, type: MessageType, except sender: Session?
  ) {
    let receivers = append(frame, terminated: true, except: sender)
    queued.count(type, frames: receivers, bytes: receivers * frame.count)
    // A public message that had to wait for its turn.
    if type == .pubmsg { deliveries += receivers }
  }

  /// Queues one frame without its terminator for every subscriber but its sender.
  package func broadcast(_ frame: Frame, except sender: Session?) {
    let receivers = append(frame.body, terminated: false, except: sender)
    deliveries += receivers
    queued.count(
      frame.type, frames: receivers,
      bytes: receivers * (frame.body.count + Self.terminator.count))
  }

  /// Queues one frame, its terminator included, for one session.
  package func send(_ frame: ByteView, type: MessageType, to session: Session) {
    queue(session) { $0.append(contentsOf: frame) }
    queued.count(type, bytes: frame.count)
  }

  /// Sends one frame, its terminator included, to one session now, before what it has not read.
  /// - Returns: how many bytes of its backlog the frame has overtaken.
  func sendAhead(
    _ frame: ByteView, type: MessageType, to session: Session
  ) -> Int {
    queued.count(type, bytes: frame.count)
    bytesOut += frame.count
    return session.sendAhead(frame)
  }

  /// Queues one frame without its terminator for one session.
  package func send(_ frame: Frame, to session: Session) {
    queue(session) { own in
      own.append(contentsOf: frame.body)
      own.append(contentsOf: Self.terminator)
    }
    deliveries += 1
    queued.count(frame.type, bytes: frame.body.count + Self.terminator.count)
  }

  private static let terminator: [UInt8] = [13, 10]

  /// - Returns: how many sessions it is for.
  private func append(
    _ bytes: ByteView, terminated: Bool, except sender: Session?
  ) -> Int {
    let start = shared.count
    if let sender, sender.subscriberIndex >= 0 { fixShared(sender) }
    let length = bytes.count - (terminated ? Self.terminator.count : 0)
    let isLong = length > Limits.longestLineForOldClients
    if isLong {
      for session in subscribers where !session.takesLongFrames { fixShared(session) }
    }
    shared.append(contentsOf: bytes)
    if !terminated { shared.append(contentsOf: Self.terminator) }
    let end = Int32(shared.count)
    var receivers = subscribers.count
    if let sender, sender.subscriberIndex >= 0 {
      sender.turn.sharedFrom = end
      receivers -= 1
    }
    if isLong {
      for session in subscribers where !session.takesLongFrames && session !== sender {
        session.turn.sharedFrom = end
        withheldLongFrames += 1
        receivers -= 1
      }
    }
    precondition(start < shared.count, "a frame has bytes")
    return receivers
  }

  private func queue(_ session: Session, _ body: (inout [UInt8]) -> Void) {
    mark(session)
    if session.subscriberIndex >= 0 { fixShared(session) }
    let start = Int32(own.count)
    body(&own)
    add(Piece(start: start, end: Int32(own.count), isShared: false), to: session)
  }

  /// Turns what of `shared` this session has coming into a piece, so that what follows comes after
  /// it.
  func fixShared(_ session: Session) {
    mark(session)
    let end = Int32(shared.count)
    if session.turn.sharedFrom < end {
      add(Piece(start: session.turn.sharedFrom, end: end, isShared: true), to: session)
      session.turn.sharedFrom = end
    }
  }

  private func add(_ piece: Piece, to session: Session) {
    let last = Int(session.turn.last)
    if last >= 0, pieces[last].isShared == piece.isShared, pieces[last].end == piece.start {
      pieces[last].end = piece.end
      return
    }
    let index = Int32(pieces.count)
    pieces.append(piece)
    if last >= 0 { pieces[last].next = index } else { session.turn.first = index }
    session.turn.last = index
  }

  func mark(_ session: Session) {
    guard !session.turn.isMarked else { return }
    session.turn.isMarked = true
    marked.append(session)
  }
}
