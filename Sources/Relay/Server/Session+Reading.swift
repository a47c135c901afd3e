import Directory
import EventLoop
import Units
import Wire

/// Splits received bytes into lines and hands the lines to the node. The node's `TurnBudget` limits
/// how much is read from one peer and from all in a turn.
extension Session {
  /// Processes received bytes. The loop calls it once a turn, the node when a session continues
  /// that had to wait.
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
      // A line that spans two pieces of the buffer must be contiguous.
      if taken == 0 {
        if whole || seen == available { return }
        whole = true
      } else {
        whole = false
      }
    }
  }

  /// Hands over all complete lines.
  /// - Returns: the number of bytes of these lines.
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
        // Tor writes it in one piece, so a partial line is not from Tor.
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

  /// A peer that has to wait may send more, up to a limit. A close by the peer must still be
  /// noticed.
  func limitInput() {
    if inputCount > node.lineLimit { stopReading() }
  }
}
