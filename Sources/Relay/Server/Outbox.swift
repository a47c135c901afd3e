import Directory
import EventLoop
import Units
import Wire

/// Collects everything that is sent in a turn of the loop and sends it with one write per peer at
/// the end of the turn.
///
///     shared   [ frame A ][ frame B ][ frame C ]        for every subscriber
///     own      [ reply to x ][ private line to y ]      for one peer each
///
/// Most subscribers get `shared` as it is, in one `send`. A peer that sent one of the frames
/// itself, that subscribed in between, or that also gets frames of its own has a `View`: a list of
/// pieces of the two buffers in the order in which they were queued, sent with one `writev`. So
/// frames are never split or reordered, a delivery costs no allocation, and only bytes that the
/// kernel refuses are copied (into the connection's output buffer).
///
/// Safe: pieces are sent before `shared`, `own` or the list's page change or go.
///
/// With many subscribers `shared` is sent in portions, so that other peers have their turn in
/// between. A subscriber that gets a frame of its own meanwhile gets its part of `shared` first.
package final class Outbox {
  /// What one session gets of this turn, in addition to or instead of `shared`.
  struct View {
    /// It still gets `shared` from this offset on.
    var sharedFrom: Int32 = 0
    package var first: Int32 = -1
    package var last: Int32 = -1
    /// Whether it is in `marked`, to be reset at the end of the turn.
    var isMarked = false
  }

  struct Piece {
    var start: Int32
    var end: Int32
    let isShared: Bool
    var next: Int32 = -1
  }

  /// A turn with more bytes than this is flushed at once, which bounds the memory of a turn.
  static let mostBytes = 256 << 10

  /// The largest number of subscribers that get `shared` in one turn, and the bytes that they get
  /// together: less than a millisecond of work.
  let portion: Int
  static let portionBytes = 2 << 20

  var shared: [UInt8] = []
  var own: [UInt8] = []
  var pieces: [Piece] = []
  var marked: [Session] = []
  var vectors = SendPieces()
  /// The sessions that get broadcasts, without gaps.
  var subscribers: [Session] = []
  /// `shared` of an earlier turn, which is being sent in portions.
  var rest: [UInt8] = []
  /// The index of the first subscriber that has not got `rest`.
  var restStart = 0

  /// Deliveries: the sum of the receivers of all messages of peers.
  package private(set) var deliveries = 0
  /// Everything queued for peers, by type, each copy counted.
  package internal(set) var queued = FrameCounts()
  /// Bytes handed to sockets or to their backlogs.
  package internal(set) var bytesOut = 0
  /// Copies that were left out because the receiver would close its connection on so long a line.
  package private(set) var withheldLongFrames = 0

  package init(portion: Int = 100) { self.portion = portion }

  package var isEmpty: Bool { shared.isEmpty && marked.isEmpty }
  /// Whether broadcasts are being sent in portions.
  package var isSending: Bool { !rest.isEmpty }
  package var isFull: Bool { shared.count + own.count > Self.mostBytes }

  // MARK: Queueing

  /// Queues one frame, its terminator included, for every subscriber but one.
  package func broadcast(
    _ frame: ByteView, type: MessageType, except sender: Session?
  ) {
    let receivers = append(frame, terminated: true, except: sender)
    queued.count(type, frames: receivers, bytes: receivers * frame.count)
    // A public message that was queued for its turn.
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

  /// Sends one frame, its terminator included, to one session now, before its backlog.
  /// - Returns: the number of bytes of its backlog that the frame has overtaken.
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

  /// - Returns: the number of sessions that get it.
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

  /// Turns the session's part of `shared` into a piece, so that the next frame follows it.
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
