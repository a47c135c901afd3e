import Units
import Wire

/// From a connection to a peer (protocol.md §3).
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
      // Only one that replaces its own or an impostor's connection can still come in when all
      // places are taken.
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

  /// The pending connection becomes a peer without a proof of its nick.
  package func admit(_ id: PeerID, _ request: HandshakeRequest, into actions: inout Actions) {
    let reply = makeReply(accepted: true, motd: identity.motd, in: &actions)
    enter(id, request, greeting: reply, into: &actions)
  }

  /// The pending connection becomes a peer: it reads `greeting`, and from then on it is here.
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

  /// Refuses a handshake and closes the connection once the peer has read why.
  /// - Parameter nick: the one that was asked for, where the reason names it.
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

  /// Counts a connection for which there is no place while `MAX_PENDING` are under way.
  /// - Returns: the 795 that tells it why. It comes before the peer's 793, which nobody reads.
  package func refusePending() -> [UInt8] {
    counters.rejected.count(.pendingFull)
    var frames: [UInt8] = []
    appendReply(
      accepted: false, motd: "Rejected: \(text(of: .pendingFull, nil))", to: &frames)
    return frames
  }

  /// Peers that have not finished their handshake in time. They are closed in the order in which
  /// they came.
  func expirePending(into actions: inout Actions) {
    while let id = pending.first(skipping: hasShakenHands),
      let index = registry.index(of: id)
    {
      guard registry[index].connectedAt + limits.handshakeTime <= now else { return }
      pending.removeFirst()
      switch registry[index].state {
      // It did what it had to do; the holder of its nick is still being asked.
      case .waiting: reject(id, .nickTaken, into: &actions)
      default: close(id, .handshakeTimeout, into: &actions)
      }
    }
  }

  /// One that owes a proof has done its handshake; `NickProofs` keeps its deadline.
  private func hasShakenHands(_ id: PeerID) -> Bool {
    guard let index = registry.index(of: id) else { return true }
    return [.present, .proving].contains(registry[index].state)
  }

  /// The names of features that fit: others carry them in every list.
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

  /// What this relay can do, as it says in every 795.
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

  /// Most peers advertise one of a few sets: they share its text. Strangers' inventions are not
  /// kept.
  private func shared(_ text: [UInt8]) -> [UInt8] {
    if featureTexts.count < 256 { return featureTexts.insert(text).memberAfterInsert }
    return featureTexts.firstIndex(of: text).map { featureTexts[$0] } ?? text
  }
}
