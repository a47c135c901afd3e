/// The `type` codes of JMP-0001, of its extensions, and of joinmarket-clientserver.
package enum MessageType: UInt16, Hashable, Sendable {
  case privmsg = 685
  case pubmsg = 687
  case peerlist = 789
  case getPeerlist = 791
  case handshake = 793
  case directoryHandshake = 795
  case ping = 798
  case pong = 799
  case disconnect = 801
  case nickAuthChallenge = 803
  case nickAuthProof = 805
  case nickAuthResult = 807

  /// The type with this code, or nil for one the relay does not know.
  package init?(code: UInt32) {
    guard let code = UInt16(exactly: code) else { return nil }
    self.init(rawValue: code)
  }

  /// Codes that cs clients use internally and that mean nothing between peers (797 was PING in an
  /// early draft).
  package static func isLocal(_ code: UInt32) -> Bool { code == 785 || code == 787 || code == 797 }
}
