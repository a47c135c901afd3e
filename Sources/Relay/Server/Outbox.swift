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

  private struct Piece {
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
  private let portion: Int
  static let portionBytes = 2 << 20

  private var shared: [UInt8] = []
  private var own: [UInt8] = []
  private var pieces: [Piece] = []
  private var marked: [Session] = []
  private var vectors = SendPieces()
  /// The sessions that broadcasts reach, without gaps.
  private(set) var subscribers: [Session] = []
  /// What is on its way in portions: `shared` of an earlier turn.
  private var rest: [UInt8] = []
  /// The subscribers from this one on have not been given `rest`.
  private var restStart = 0

  /// Messages of peers handed on: the sum over all of them of their receivers.
  package private(set) var deliveries = 0
  /// Everything queued for peers, by type, each copy counted.
  package private(set) var queued = FrameCounts()
  /// Bytes handed to sockets or to their backlogs.
  package private(set) var bytesOut = 0
  /// Copies that were not made because the receiver would drop its connection on so long a line.
  package private(set) var withheldLongFrames = 0

  package init(portion: Int = 100) { self.portion = portion }

  package var isEmpty: Bool { shared.isEmpty && marked.isEmpty }
  /// Whether broadcasts are on their way in portions.
  package var isSending: Bool { !rest.isEmpty }
  package var isFull: Bool { shared.count + own.count > Self.mostBytes }

  // MARK: Who is reached

  package func subscribe(_ session: Session) {
    mark(session)
    session.turn.sharedFrom = Int32(shared.count)
    session.subscriberIndex = Int32(subscribers.count)
    subscribers.append(session)
    if isSending { takeOffRest(session) }
  }

  /// Removes the session from broadcasts. What was queued for it stays queued, but for what is on
  /// its way in portions: `flush` it first.
  func unsubscribe(_ session: Session) {
    guard session.subscriberIndex >= 0 else { return }
    fixShared(session)
    if isSending, session.subscriberIndex < restStart {
      restStart -= 1
      swap(Int(session.subscriberIndex), restStart)
    }
    swap(Int(session.subscriberIndex), subscribers.count - 1)
    subscribers.removeLast()
    session.subscriberIndex = -1
  }

  private func swap(_ a: Int, _ b: Int) {
    guard a != b else { return }
    subscribers.swapAt(a, b)
    subscribers[a].subscriberIndex = Int32(a)
    subscribers[b].subscriberIndex = Int32(b)
  }

  private func isOwedRest(_ session: Session) -> Bool {
    isSending && Int(session.subscriberIndex) >= restStart
  }

  /// It has been given `rest`, or has subscribed after it.
  private func takeOffRest(_ session: Session) {
    swap(Int(session.subscriberIndex), restStart)
    restStart += 1
    if restStart == subscribers.count { rest.removeAll(keepingCapacity: true) }
  }

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
  private func fixShared(_ session: Session) {
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

  private func mark(_ session: Session) {
    guard !session.turn.isMarked else { return }
    session.turn.isMarked = true
    marked.append(session)
  }

  // MARK: The end of the turn

  /// Sends everything queued, broadcasts to the first portion of subscribers: `sendMore` has to
  /// follow while `isSending`. `outcome` is told of every session that did not take all of its
  /// part; it must not queue or close.
  package func flush(_ outcome: (Session, SendOutcome) -> Void) {
    // The next broadcasts come behind the last ones.
    if !shared.isEmpty { while isSending { sendMore(outcome) } }
    shared.withView { shared in
      for session in marked { flushView(session, shared, outcome) }
    }
    if !shared.isEmpty, !subscribers.isEmpty {
      Swift.swap(&shared, &rest)
      restStart = 0
      for session in marked where isOwedRest(session) { takeOffRest(session) }
      sendMore(outcome)
    }
    shared.removeAll(keepingCapacity: true)
    own.removeAll(keepingCapacity: true)
    pieces.removeAll(keepingCapacity: true)
    for session in marked { session.turn = View() }
    marked.removeAll(keepingCapacity: true)
  }

  /// Sends broadcasts to the next portion of subscribers. `outcome` as with `flush`.
  package func sendMore(_ outcome: (Session, SendOutcome) -> Void) {
    guard isSending else { return }
    let count = min(portion, max(1, Self.portionBytes / rest.count))
    let end = min(subscribers.count, restStart + count)
    rest.withView { rest in
      for session in subscribers[restStart..<end] where session.state.isOpen {
        report(session.send(rest), of: session, count: rest.count, outcome)
      }
    }
    restStart = end
    if end == subscribers.count { rest.removeAll(keepingCapacity: true) }
  }

  private func sendRest(to session: Session, _ outcome: (Session, SendOutcome) -> Void) {
    guard isOwedRest(session) else { return }
    if session.state.isOpen {
      let sent = rest.withView { session.send($0) }
      report(sent, of: session, count: rest.count, outcome)
    }
    takeOffRest(session)
  }

  /// Sends one session's part now: it is about to be closed.
  package func flush(_ session: Session, _ outcome: (Session, SendOutcome) -> Void) {
    sendRest(to: session, outcome)
    guard !isEmpty else { return }
    if session.subscriberIndex >= 0 || session.turn.isMarked {
      shared.withView { flushView(session, $0, outcome) }
    }
    mark(session)
    session.turn.first = -1
    session.turn.last = -1
    session.turn.sharedFrom = Int32(shared.count)
  }

  /// Sends a part of a list now, from where it is kept, behind everything queued for its reader.
  package func send(
    _ part: Directory.ListPart, to session: Session, _ outcome: (Session, SendOutcome) -> Void
  ) {
    flush(session, outcome)
    guard session.state.isOpen, part.count > 0 else { return }
    let sent = part.frames.withView { frames in
      vectors.removeAll()
      for range in [0..<part.omitted.lowerBound, part.omitted.upperBound..<frames.count]
      where !range.isEmpty { unsafe vectors.append(frames.part(range)) }
      return session.send(vectors)
    }
    queued.count(.peerlist, frames: part.frameCount, bytes: part.count)
    report(sent, of: session, count: part.count, outcome)
  }

  private func flushView(
    _ session: Session, _ shared: ByteView, _ outcome: (Session, SendOutcome) -> Void
  ) {
    guard session.state.isOpen else { return }
    sendRest(to: session, outcome)
    guard session.state.isOpen else { return }
    if session.subscriberIndex >= 0 { fixShared(session) }
    guard session.turn.first >= 0 else { return }
    own.withView { own in
      vectors.removeAll()
      var index = session.turn.first
      while index >= 0 {
        let piece = pieces[Int(index)]
        let bytes = piece.isShared ? shared : own
        unsafe vectors.append(bytes.part(Int(piece.start)..<Int(piece.end)))
        index = piece.next
      }
      report(session.send(vectors), of: session, count: vectors.byteCount, outcome)
    }
  }

  private func report(
    _ sent: SendOutcome, of session: Session, count: Int,
    _ outcome: (Session, SendOutcome) -> Void
  ) {
    switch sent {
    case .accepted(let left):
      bytesOut += count
      if left > 0 { outcome(session, sent) }
    case .failed: outcome(session, sent)
    }
  }
}
