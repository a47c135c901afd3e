import Directory
import EventLoop
import Units
import Wire

/// From bytes to lines, and lines to the node. The node's `TurnBudget` bounds what is read of one
/// peer and of all in a turn.
extension Session {
  /// Takes what has come: the loop calls it once a turn, the node when a session that had to wait
  /// goes on.
  func read() {
    switch state {
    case .closing, .lingering: return discardInput()
    case .held, .proofPostponed: return limitInput()
    case .closed: return
    case .expectingProxyLine, .handshaking, .awaitingProof, .present: break
    }
    var isFilled = inputCount >= Connection.readSize
    consumeInput()
    var reads = 1
    while isFilled, reads < TurnBudget.readsPerSession, state.takesLines,
      node.takeFurtherRead()
    {
      isFilled = receiveMore() == Connection.readSize
      consumeInput()
      reads += 1
    }
    if !isClosed, !state.isOpen { discardInput() }
  }

  private func consumeInput() {
    var whole = false
    while state.takesLines {
      let available = inputCount
      guard available > 0 else { return }
      var taken = 0
      var seen = 0
      withInput(whole: whole) { bytes in
        seen = bytes.count
        taken = consume(bytes)
        return taken
      }
      // A line that begins in the first piece and ends in a later one needs them in one.
      if taken == 0 {
        if whole || seen == available { return }
        whole = true
      } else {
        whole = false
      }
    }
  }

  /// Hands over every complete line.
  /// - Returns: how many bytes that took.
  private func consume(_ bytes: ByteView) -> Int {
    var start = 0
    defer { node.bytesIn += start }
    while state.takesLines {
      if state == .awaitingProof, !node.mayCheckProof(of: self) { break }
      switch framer.next(in: bytes, from: start) {
      case .line(let range, let consumed):
        start = consumed
        take(bytes.part(range))
      case .incomplete where state == .expectingProxyLine:
        // Tor writes it at once, and nobody else has a reason to send it in pieces.
        node.noteProxyMismatch(in: bytes.part(start..<bytes.count), of: self)
        node.close(self, .badProxyLine)
        return start
      case .incomplete:
        framer.drained(start)
        return start
      case .tooLong where state == .awaitingProof:
        node.receiveProof(.none, from: self)
        return start
      case .tooLong:
        let isProxyLine = state == .expectingProxyLine
        if isProxyLine { node.noteProxyMismatch(in: bytes.part(start..<bytes.count), of: self) }
        node.close(self, isProxyLine ? .badProxyLine : .tooLong)
        return start
      }
    }
    framer.drained(start)
    return start
  }

  private func take(_ line: ByteView) {
    switch state {
    case .expectingProxyLine: takeProxyLine(line)
    case .awaitingProof: node.receiveProof(line, from: self)
    default: if !line.isEmpty { node.receiveFrame(line, from: self) }
    }
  }

  private func takeProxyLine(_ line: ByteView) {
    guard let circuit = try? ProxyLine.parse(line) else {
      node.noteProxyMismatch(in: line, of: self)
      return node.close(self, .badProxyLine)
    }
    move(to: .handshaking)
    framer = LineFramer(limit: node.lineLimit)
    node.identify(self, circuit: circuit.numbered(by: listener))
  }

  /// A peer that has to wait may send on, but not fill our memory; that it leaves must still be
  /// seen.
  func limitInput() {
    if inputCount > node.lineLimit { stopReading() }
  }
}
