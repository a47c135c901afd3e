import Units
import Wire

/// Handles a peer's frames (protocol.md §2, §4, §5).
extension Directory {
  package func route(
    _ frame: Frame, from id: PeerID, at index: Int, into actions: inout Actions
  ) {
    // DISCONNECT is not rate-limited.
    if frame.type == .disconnect { return close(id, .disconnectMessage, into: &actions) }
    guard registry[index].messages.take(limits.messages, at: now) else {
      return countViolation(of: id, at: index, into: &actions)
    }
    let circuit = registry[index].circuit
    guard circuits.take(.frames, of: circuit, at: now) else {
      return counters.dropped.count(.circuitRate)
    }
    switch frame.type {
    case .privmsg: routePrivate(frame, from: id, at: index, into: &actions)
    case .pubmsg: routePublic(frame, from: id, at: index, into: &actions)
    case .getPeerlist: startList(for: id, at: index, into: &actions)
    case .ping:
      actions.add(.send(actions.make(.pong, line: ""), to: id))
    case .pong, .handshake, .peerlist, .directoryHandshake: counters.dropped.count(.ignoredType)
    case .nickAuthChallenge, .nickAuthProof, .nickAuthResult:
      close(id, .malformed, into: &actions)
    case .disconnect: break
    case nil:
      counters.dropped.count(
        MessageType.isLocal(frame.code) ? .ignoredType : .unknownType)
    }
  }

  private func routePrivate(
    _ frame: Frame, from id: PeerID, at index: Int, into actions: inout Actions
  ) {
    guard let line = RoutingLine(line: frame.line) else {
      return counters.dropped.count(.malformedLine)
    }
    guard frame.body.count <= limits.longestLine else {
      return counters.dropped.count(.tooLongCanonical)
    }
    guard let from = Nick(line.from), from == registry[index].nick else {
      return counters.dropped.count(.forgedSender)
    }
    guard let to = Nick(line.to) else { return counters.dropped.count(.unknownRecipient) }
    guard to != identity.nick else { return counters.dropped.count(.toRelay) }
    guard let receiver = registry.holder(of: to),
      let receiverIndex = registry.index(of: receiver)
    else { return counters.dropped.count(.unknownRecipient) }
    guard
      frame.body.count <= Limits.longestLineForOldClients
        || !registry[receiverIndex].flags.contains(.oldClient)
    else { return counters.dropped.count(.tooLongForClient) }
    registry[index].flags.insert(.active)
    if !registry[receiverIndex].flags.contains(.addressed), receiver != id,
      !isStranger(registry[index])
    {
      registry[receiverIndex].flags.insert(.addressed)
    }
    actions.add(.send(.received(frame), to: receiver))
    registry[index].cost.deliveries += 1
    registry.noteSpoken(at: index)
    guard registry[index].flags.contains(.servesOnion) else { return }
    // The sender's own entry follows its line, so that the receiver can connect to it directly.
    let withFeatures = registry[receiverIndex].features.contains(.peerlistFeatures)
    let entry = actions.make(.peerlist) { frames in
      PeerlistWriter.frame(to: &frames) { appendEntry(of: index, withFeatures, to: &$0) }
    }
    actions.add(.send(entry, to: receiver))
  }

  private func routePublic(
    _ frame: Frame, from id: PeerID, at index: Int, into actions: inout Actions
  ) {
    guard let line = RoutingLine(line: frame.line), line.isPublic else {
      return counters.dropped.count(.malformedLine)
    }
    guard frame.body.count <= limits.longestLine else {
      return counters.dropped.count(.tooLongCanonical)
    }
    guard let from = Nick(line.from), from == registry[index].nick else {
      return counters.dropped.count(.forgedSender)
    }
    var isRequest = false
    for case .orderbook in PublicCommands(line.command) { isRequest = true }
    if let reason = takePublic(frame.body.count, isRequest: isRequest, at: index) {
      return counters.dropped.count(reason)
    }
    registry[index].countPublicLine(bytes: frame.body.count, isRequest: isRequest)
    registry.noteSpoken(at: index)
    for command in PublicCommands(line.command) { track(command, at: index) }
    passOn(frame, from: id, at: index, isRequest: isRequest, into: &actions)
  }

  /// Takes the cost of a public line from the budgets of the peer and its circuit: a token of the
  /// `!orderbook` bucket, or a token of the public bucket and the line's bytes.
  /// - Returns: the reason to drop the line, or nil.
  private func takePublic(_ bytes: Int, isRequest: Bool, at index: Int) -> DropReason? {
    let circuit = registry[index].circuit
    if isRequest {
      guard registry[index].orderbookRequests.take(limits.orderbookRequests, at: now) else {
        return .orderbookRate
      }
    } else {
      guard registry[index].publicFrames.take(limits.publicFrames, at: now) else {
        return .publicRate
      }
    }
    guard registry[index].publicBytes.take(bytes, of: limits.publicBytes, at: now) else {
      return .publicBytes
    }
    guard circuits.take(isRequest ? .orderbookRequests : .publicLines, of: circuit, at: now),
      circuits.take(.publicBytes, bytes, of: circuit, at: now)
    else { return .circuitRate }
    return nil
  }

  private func track(_ command: PublicCommand, at index: Int) {
    switch command {
    case .offer(let id):
      registry.announce(at: index)
      let offer = fingerprint(id)
      guard registry[index].offers.count < Limits.offersPerPeer,
        !registry[index].offers.contains(offer)
      else { return }
      registry[index].offers.append(offer)
    case .cancel(let id):
      let offer = fingerprint(id)
      registry[index].offers.removeAll { $0 == offer }
    case .orderbook, .other: return
    }
  }

  /// FNV-1a, 64 bits, of one order id. A collision only miscounts the peer's offers in /status.
  private func fingerprint(_ id: ByteView) -> UInt64 {
    id.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private func countViolation(of id: PeerID, at index: Int, into actions: inout Actions) {
    counters.dropped.count(.rate)
    counters.rateViolations += 1
    // Saturates: the counter must not overflow.
    if registry[index].violations < .max { registry[index].violations += 1 }
    if limits.violations > 0, registry[index].violations >= limits.violations {
      close(id, .rate, into: &actions)
    }
  }

  /// The entry `nick;host:port`, followed by `;F:a+b` for receivers that read features.
  func appendEntry(of index: Int, _ withFeatures: Bool, to frames: inout [UInt8]) {
    PeerlistWriter.append(
      registry[index].entry, features: withFeatures ? registry[index].featureText : [], to: &frames)
  }
}
