// Compares a parsed PUBMSG or PRIVMSG line with a plain split of it, and the entries of a peerlist
// with those that a client reads.

import Units

@testable import Directory
@testable import Wire

enum RoutingTarget {
  static func run(_ input: ByteView) throws {
    try checkLine(input)
    try checkPeerlist(Array(input))
  }

  private static func checkLine(_ bytes: ByteView) throws {
    let mark = UInt8(ascii: "!")
    let parts = Array(bytes).split(
      separator: mark, maxSplits: 2, omittingEmptySubsequences: false)
    let line = RoutingLine(line: bytes)
    try hold(
      "a line has two marks and a command",
      (line != nil) == (parts.last?.isEmpty == false && parts.count == 3))
    guard let line else { return }
    try hold(
      "the parts are the line",
      line.from.elementsEqual(parts[0]) && line.to.elementsEqual(parts[1])
        && line.command.elementsEqual(parts[2]))
    try hold("a nick equals its bytes", Nick(line.from).map { $0.isEqual(to: line.from) } ?? true)
    let words = parts[2].split(separator: mark, omittingEmptySubsequences: false)
    let commands = Array(PublicCommands(line.command))
    try hold("each mark separates a command", commands.count == words.count)
    for (command, word) in zip(commands, words) { try check(command, of: word) }
  }

  private static func check(_ command: PublicCommand, of text: ArraySlice<UInt8>) throws {
    let words = text.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    let name = String(decoding: words[0], as: UTF8.self)
    switch command {
    case .offer(let id):
      try hold("an offer has an offer's name", name.hasSuffix("offer") || name.hasSuffix("order"))
      try hold(
        "an order id is the second word",
        words.count > 1 && id.elementsEqual(words[1]) && !id.isEmpty)
    case .cancel(let id):
      try hold("cancel has its name", name == "cancel")
      try hold(
        "an order id is the second word",
        words.count > 1 && id.elementsEqual(words[1]) && !id.isEmpty)
    case .orderbook: try hold("orderbook has its name", name == "orderbook")
    case .other: try hold("orderbook is recognised", name != "orderbook")
    }
  }

  /// Each line of the input is a candidate entry, `nick location feature feature …`.
  private static func checkPeerlist(_ bytes: [UInt8]) throws {
    var expected: [[String]] = []
    var list: [UInt8] = []
    for proposal in bytes.split(separator: UInt8(ascii: "\n")).prefix(Limits.entriesPerFrame) {
      let words = proposal.split(separator: UInt8(ascii: " ")).map {
        String(decoding: $0, as: UTF8.self)
      }
      guard words.count >= 2, let nick = Nick(words[0]),
        let endpoint = try? OnionEndpoint(words[1], network: .regtest)
      else { continue }
      let features = Features(names: Array(words.dropFirst(2)))
      if !expected.isEmpty { list.append(UInt8(ascii: ",")) }
      PeerlistWriter.append(
        PeerlistWriter.entry(nick, .onion(endpoint)), features: Array(features.listText.utf8),
        to: &list)
      expected.append([nick.description, endpoint.description, "false"] + features.names)
    }
    var frame: [UInt8] = []
    PeerlistWriter.frame(to: &frame) { $0 += list }
    let frames = try framesWritten(frame[...])
    try hold("one list is one frame", frames.count == 1)
    let read = try ReadEntry.list(frames[0].text, on: .regtest).map {
      [$0.nick.description, $0.location, "\($0.hasLeft)"] + $0.features
    }
    try hold("a peerlist reads back", read == expected)
  }
}
