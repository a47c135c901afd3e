/// The reference directory's proofs of nicks (protocol.md §8).
@testable import Directory
@testable import Identity

extension ReferenceDirectory {
  static let directoryID = "relay.test:5222"

  mutating func requestProof(_ number: Int) {
    challengesMade &+= 1
    let digits = String(challengesMade, radix: 16)
    let challenge = String(
      repeating: String(repeating: "0", count: 2 - digits.count) + digits, count: 32)
    peers[number]?.state = .proving
    peers[number]?.owesSince = now
    peers[number]?.challenge = challenge
    let line = "{\"challenge\":\"\(challenge)\",\"directory-id\":\"\(Self.directoryID)\"}"
    received[number, default: []] += [
      reply(accepted: true, "hello"), DirectoryHarness.frame(803, line),
    ]
  }

  /// Handles a proof; `code` is the result of its verification.
  mutating func receiveProof(_ code: NickAuthCode, from number: Int) {
    guard let peer = peers[number] else { return }
    peers[number]?.receivedAt = now
    guard code == .ok else { return fail(number, code) }
    guard !isStopping else { return fail(number, .policy) }
    if let holder = holder(peer.nick) {
      if let challenge = nickTakeovers.removeValue(forKey: peer.nick) {
        reject(challenge.claimant, "Peer nick already registered: \(peer.nick)")
      }
      close(holder, .displaced)
    } else if !makePlace() {
      return fail(number, .policy)
    }
    tellResult(.ok, number)
    peers[number]?.isVerified = true
    enter(number)
  }

  mutating func fail(_ number: Int, _ code: NickAuthCode) {
    tellResult(code, number)
    close(number, .nickAuthFailed)
  }

  private mutating func tellResult(_ code: NickAuthCode, _ number: Int) {
    verdicts[code, default: 0] += 1
    send(
      DirectoryHarness.frame(807, "{\"code\":\"\(code.rawValue)\",\"verified\":\(code == .ok)}"),
      number,
      &received)
  }
}
