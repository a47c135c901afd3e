import Identity
import Units
import Wire

/// Proofs of nicks (protocol.md §8). They start when the relay knows the name under which clients
/// dial it.
package struct NickPolicy {
  package var directoryID: DirectoryID
  let checker: NickAuth

  package init(directoryID: DirectoryID) {
    self.directoryID = directoryID
    checker = NickAuth()
  }
}

extension Directory {
  /// Sends 795 and 803, with nothing in between. Until its 807 the pending connection holds no
  /// nick.
  func requestProof(
    of id: PeerID, _ request: HandshakeRequest, _ policy: NickPolicy, into actions: inout Actions
  ) {
    guard let index = registry.index(of: id) else { return }
    registry[index].state = .proving
    registry[index].nick = request.nick
    let nonce = proofs.request(request, of: id, until: now + limits.proofTime)
    let line = NickAuth.nonceLine(nonce: nonce, directoryID: policy.directoryID)
    actions.add(.send(makeReply(accepted: true, motd: identity.motd, in: &actions), to: id))
    actions.add(.send(actions.make(.nickAuthChallenge, line: line), to: id))
    actions.add(.prove(id))
  }

  /// Takes the next line of a pending connection with a pending proof.
  /// - Parameter line: without its terminator; empty for a line over the limit.
  package func receiveProof(
    _ line: ByteView, from id: PeerID, maxNesting: Int, at time: Instant,
    into actions: inout Actions
  ) {
    advance(to: time)
    guard let index = registry.index(of: id), registry[index].state == .proving,
      let proof = proofs[id], let policy
    else { return }
    counters.received.count(.nickAuthProof, bytes: line.count + 2)
    registry[index].lastReceived = now
    let verdict = policy.checker.verify(
      frame: line, maxNesting: maxNesting, nick: proof.request.nick,
      lineDigest: proof.request.lineDigest, nonce: proof.nonce,
      directoryID: policy.directoryID)
    guard verdict.code == .ok, let key = verdict.keyTag else {
      return fail(id, verdict.code, into: &actions)
    }
    accept(id, proof.request, key: key, into: &actions)
  }

  /// Admits a connection whose proof is valid. It takes the nick from an impostor or from its own
  /// older connection if necessary.
  private func accept(
    _ id: PeerID, _ request: HandshakeRequest, key: UInt64, into actions: inout Actions
  ) {
    guard !isStopping else { return fail(id, .policy, into: &actions) }
    if let holder = registry.holder(of: request.nick), let held = registry.index(of: holder) {
      guard !registry[held].flags.contains(.verified) || registry[held].keyTag == key else {
        return fail(id, .invalid, into: &actions)
      }
      if let takeover = takeovers.end(request.nick) {
        reject(takeover.claimant, .nickTaken, into: &actions)
      }
      close(holder, .displaced, into: &actions)
    } else if !makePlace(into: &actions) {
      counters.fullAtProof += 1
      return fail(id, .policy, into: &actions)
    }
    guard let index = registry.index(of: id) else { return }
    proofs.end(id)
    counters.proofs.count(.ok)
    registry[index].keyTag = key
    registry[index].flags.insert(.verified)
    let result = actions.make(.nickAuthResult, line: NickAuth.resultLine(.ok))
    enter(id, request, greeting: result, into: &actions)
  }

  func fail(_ id: PeerID, _ code: NickAuthCode, into actions: inout Actions) {
    counters.proofs.count(code)
    let result = actions.make(.nickAuthResult, line: NickAuth.resultLine(code))
    actions.add(.send(result, to: id))
    close(id, .nickAuthFailed, flush: true, into: &actions)
  }

  func expireProofs(into actions: inout Actions) {
    while let id = proofs.popExpired(at: now) { fail(id, .expired, into: &actions) }
  }
}
