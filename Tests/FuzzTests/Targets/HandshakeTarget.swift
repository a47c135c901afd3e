// The text of a 793's line. An accepted handshake must make a peerlist entry with the same values,
// on one network only.

import Units

@testable import Wire

enum HandshakeTarget {
  static func run(_ input: ByteView) throws {
    var line: [UInt8] = []
    JSONText.encode(input, into: &line)
    var accepted = 0
    for network in Network.allCases {
      let offer = try? line.withView {
        try HandshakeRequest.parse(line: $0, network: network)
      }
      guard let offer else { continue }
      accepted += 1
      try check(offer, line: line, on: network)
    }
    try hold("a handshake is for one network", accepted <= 1)
    try checkReply(String(decoding: input, as: UTF8.self))
  }

  private static func check(_ offer: HandshakeRequest, line: [UInt8], on network: Network) throws {
    let text = line.withView { JSONText.decode($0) }
    try hold("the digest is that of the text", offer.lineDigest == Digest.sha256(text))
    try hold("features are limited", offer.features.names.count <= Features.maximumCount)
    try hold(
      "an unusable location serves nothing",
      !offer.locationWasUnusable || offer.location == .notServing)
    let entry = PeerlistWriter.entry(offer.nick, offer.location)
    var bytes: [UInt8] = []
    PeerlistWriter.frame(to: &bytes) {
      PeerlistWriter.append(entry, features: Array(offer.features.listText.utf8), to: &$0)
    }
    PeerlistWriter.departure(of: entry, to: &bytes)
    let frames = try framesWritten(bytes[...])
    try hold("a list and a departure are two frames", frames.count == 2)
    let entries = try frames.flatMap { try ReadEntry.list($0.text, on: network) }
    try hold("two entries stay two", entries.count == 2)
    try hold("the nick reads back", entries.allSatisfy { $0.nick == offer.nick })
    try hold("the location reads back", entries.allSatisfy { $0.location == offer.location.text })
    try hold("the features read back", entries[0].features == offer.features.names)
    try hold("only the second has left", !entries[0].hasLeft && entries[1].hasLeft)
  }

  /// Checks that the MOTD and the quotes in a rejection stay inside their JSON string.
  private static func checkReply(_ motd: String) throws {
    guard let nick = Nick("J5AAAAAAAAAAAAAA") else { return }
    var bytes: [UInt8] = []
    HandshakeReply.append(
      accepted: true, features: Features([.ping]), nick: nick, network: .mainnet, motd: motd,
      to: &bytes)
    let frames = try framesWritten(bytes[...])
    try hold("a reply is one frame", frames.count == 1)
    let isOneObject = frames[0].text.withView { text in
      var reader = JSONReader(text, maxNesting: 2, uniqueKeys: true)
      return (try? reader.skip()) != nil && (try? reader.end()) != nil
    }
    try hold("a reply's line is one JSON object without repeated keys", isOneObject)
  }
}
