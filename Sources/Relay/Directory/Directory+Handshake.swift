import Units
import Wire

/// Handshakes (protocol.md §3).
extension Directory {
  func shakeHands(
    _ frame: Frame, with id: PeerID, into actions: inout Actions
  ) {
    guard frame.type == .handshake else { return close(id, .malformed, into: &actions) }
    let request: HandshakeRequest
    do throws(HandshakeError) {
      request = try HandshakeRequest.parse(
        line: frame.line, network: identity.network, allowsClearnet: identity.allowsClearnet)
    } catch {
      switch error {
      case .notAHandshake: return close(id, .malformed, into: &actions)
      case .rejected(let rejection): return reject(id, .handshake(rejection), into: &actions)
      }
    }
    if request.locationWasUnusable { actions.add(.noteUnusableLocation(id)) }
    guard !isStopping else { return reject(id, .stopping, into: &actions) }
    // A peer with the relay's own nick could forge its peerlist entries.
    guard request.nick != identity.nick else {
      return reject(id, .nickTaken, nick: request.nick, into: &actions)
    }
    if let policy, request.features.known.contains(.nickAuth) {
      // When all places are taken, only a peer that replaces its own or an impostor's connection
      // can still be admitted.
      guard hasPlace() || registry.holder(of: request.nick) != nil else {
        return reject(id, .full, into: &actions)
      }
      return requestProof(of: id, request, policy, into: &actions)
    }
    guard !requiresProof else { return reject(id, .nickAuthRequired, into: &actions) }
    if let holder = registry.holder(of: request.nick) {
      beginTakeover(holder, for: id, request: request, into: &actions)
    } else if makePlace(into: &actions) {
      admit(id, request, into: &actions)
    } else {
      reject(id, .full, into: &actions)
    }
  }

  /// Admits the pending connection without a proof of its nick.
  package func admit(_ id: PeerID, _ request: HandshakeRequest, into actions: inout Actions) {
    let reply = makeReply(accepted: true, motd: identity.motd, in: &actions)
    enter(id, request, greeting: reply, into: &actions)
  }

  /// Admits the pending connection as a peer and sends it `greeting`.
  func enter(
    _ id: PeerID, _ request: HandshakeRequest, greeting: Actions.Message,
    into actions: inout Actions
  ) {
    guard let index = registry.index(of: id) else { return }
    registry[index].nick = request.nick
    registry[index].features = request.features.known
    registry[index].entry = PeerlistWriter.entry(request.nick, request.location)
    registry[index].featureText = shared(Self.bounded(Array(request.features.listText.utf8)))
    if case .onion = request.location { registry[index].flags.insert(.servesOnion) }
    if request.advertisedNoFeature { registry[index].flags.insert(.oldClient) }
    registry.admit(at: index)
    pending.forgetRequest(of: id)
    counters.handshakesAccepted += 1
    actions.add(.send(greeting, to: id))
    actions.add(.admit(id, takesLongFrames: !request.advertisedNoFeature))
  }

  /// Refuses a handshake and closes the connection after the reply was sent.
  /// - Parameter nick: the requested nick, for reasons that name it.
  func reject(
    _ id: PeerID, _ rejection: Rejection, nick: Nick? = nil, into actions: inout Actions
  ) {
    let nick = nick ?? pending.request(of: id)?.nick
    counters.rejected.count(rejection)
    let motd = "Rejected: \(text(of: rejection, nick))"
    actions.add(.send(makeReply(accepted: false, motd: motd, in: &actions), to: id))
    let reason: CloseReason =
      switch rejection {
      case .full: .full
      case .stopping: .shutdown
      default: .rejected
      }
    close(id, reason, flush: true, into: &actions)
  }

  /// Counts a connection that is refused because there are `MAX_PENDING` already.
  /// - Returns: the 795 with the reason. It is sent before the peer's 793, which is not read.
  package func refusePending() -> [UInt8] {
    counters.rejected.count(.pendingFull)
    var frames: [UInt8] = []
    appendReply(
      accepted: false, motd: "Rejected: \(text(of: .pendingFull, nil))", to: &frames)
    return frames
  }

  /// Closes connections that have not finished their handshake in time, the oldest first.
  func expirePending(into actions: inout Actions) {
    while let id = pending.first(skipping: hasShakenHands),
      let index = registry.index(of: id)
    {
      guard registry[index].connectedAt + limits.handshakeTime <= now else { return }
      pending.removeFirst()
      switch registry[index].state {
      // It has sent its handshake and waits for the holder of its nick.
      case .waiting: reject(id, .nickTaken, into: &actions)
      default: close(id, .handshakeTimeout, into: &actions)
      }
    }
  }

  /// A connection with a pending proof has sent its handshake; `NickProofs` keeps its deadline.
  private func hasShakenHands(_ id: PeerID) -> Bool {
    guard let index = registry.index(of: id) else { return true }
    return [.present, .proving].contains(registry[index].state)
  }

  /// The feature names that fit the limit. They are repeated in every peerlist.
  private static func bounded(_ names: [UInt8]) -> [UInt8] {
    guard names.count > Limits.featureBytes else { return names }
    let end = names[...Limits.featureBytes].lastIndex(of: UInt8(ascii: "+")) ?? 0
    return Array(names[..<end])
  }

  /// Makes a 795.
  func makeReply(accepted: Bool, motd: String, in actions: inout Actions) -> Actions.Message {
    actions.make(.directoryHandshake) { frames in
      appendReply(accepted: accepted, motd: motd, to: &frames)
    }
  }

  private func appendReply(accepted: Bool, motd: String, to frames: inout [UInt8]) {
    HandshakeReply.append(
      accepted: accepted, features: Features(advertised), nick: identity.nick,
      network: identity.network, motd: motd, to: &frames)
  }

  /// The relay's own features, for every 795.
  package var advertised: Features.Known {
    policy == nil ? [.peerlistFeatures, .ping] : [.peerlistFeatures, .ping, .nickAuth]
  }

  private func text(of rejection: Rejection, _ nick: Nick?) -> String {
    switch rejection {
    case .handshake(let rejection): rejection.reason
    case .nickTaken: "Peer nick already registered: \(nick ?? .nobody)"
    case .full: "Maximum peers reached: \(limits.peers)"
    case .pendingFull: "Maximum handshakes under way: \(limits.pending)"
    case .nickAuthRequired: "verified nick authentication required"
    case .stopping: "the directory is stopping"
    }
  }

  /// Most peers advertise one of a few sets of known features and share its text. Texts with
  /// unknown names are not shared.
  private func shared(_ text: [UInt8]) -> [UInt8] {
    if featureTexts.count < 256 { return featureTexts.insert(text).memberAfterInsert }
    return featureTexts.firstIndex(of: text).map { featureTexts[$0] } ?? text
  }
}
