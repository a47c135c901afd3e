// Peers that prove their nicks.

import NickKeys
import Testing

extension NickKey {
  /// The handshake of this key's owner.
  func hello(_ hello: Hello = .taker(1)) -> Hello {
    var hello = hello
    hello.nick = nick
    hello.features = ["nick_auth", "peerlist_features", "ping"]
    return hello
  }

  /// The line of an 805.
  func proof(
    of hello: Hello, challenge: String, directory: String, pubkey: String? = nil,
    isHighS: Bool = false
  ) -> String {
    proof(
      of: hello.json, nick: hello.nick, challenge: challenge, directory: directory,
      publicKey: pubkey, isHighS: isHighS)
  }
}

/// The settings of a relay that asks for proofs, and the frames that it sends.
enum Proving {
  static let directory = "relay.test:5222"
  static let settings = ["NICK_AUTH_DIRECTORY_ID": directory]

  static func accepted(by relay: RelayProcess, _ isAccepted: Bool = true, _ motd: String? = nil)
    throws -> String
  {
    Frames.frame(
      795,
      #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "proto-ver-max": 5, "#
        + #""features": {"nick_auth": true, "peerlist_features": true, "ping": true}, "#
        + #""accepted": \#(isAccepted), "nick": "\#(try relay.nick)", "network": "regtest", "#
        + #""motd": "\#(motd ?? RelayProcess.motd)"}"#)
  }

  static func result(_ code: String) -> String {
    Frames.frame(807, #"{"code":"\#(code)","verified":\#(code == "ok")}"#)
  }

  static func frame(_ line: String) -> String { Frames.frame(805, line) }
}

extension TestPeer {
  /// Sends a handshake and reads up to the challenge.
  /// - Returns: the 64 digits of the challenge.
  func awaitChallenge(_ hello: Hello, of relay: RelayProcess) throws -> String {
    try send(hello.frame)
    try expect(try Proving.accepted(by: relay))
    let frame = try nextFrame()
    let start = #"{"type": 803, "line": "{\"challenge\":\""#
    let end = #"\",\"directory-id\":\"\#(Proving.directory)\"}"}"# + "\r\n"
    let challenge = frame.dropFirst(start.count).prefix(64)
    guard frame == start + challenge + end, challenge.count == 64,
      challenge.allSatisfy({ "0123456789abcdef".contains($0) })
    else { throw TestFailure("not a challenge: \(frame)") }
    return String(challenge)
  }

  /// Connects and proves its nick.
  static func verified(_ key: NickKey, _ hello: Hello? = nil, to relay: RelayProcess) throws
    -> TestPeer
  {
    let peer = try TestPeer(.tcp(try relay.port))
    let hello = hello ?? key.hello()
    let challenge = try peer.awaitChallenge(hello, of: relay)
    try peer.send(
      Proving.frame(
        key.proof(of: hello, challenge: challenge, directory: Proving.directory)))
    try peer.expect(Proving.result("ok"))
    return peer
  }
}
