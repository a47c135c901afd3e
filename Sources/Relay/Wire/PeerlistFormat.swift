// Peerlists (789): who is here, and who has just left. Entries are made of checked values only, all of them plain ASCII that JSON
// leaves as it is, so nothing is escaped here and nothing can be forged. Who is listed, and when, is the directory's business;
// it keeps the entries written and copies them.

/// Writes entries, and frames around them.
package enum PeerlistWriter {
  private static let opening: StaticString = "{\"type\": 789, \"line\": \""
  private static let closing: StaticString = "\"}\r\n"

  /// `nick;host:port` or `nick;NOT-SERVING-ONION`.
  package static func entry(_ nick: Nick, _ location: Location) -> [UInt8] {
    var bytes: [UInt8] = []
    nick.append(to: &bytes)
    bytes.append(UInt8(ascii: ";"))
    location.append(to: &bytes)
    // Kept for as long as the peer is here: without the room that growing left.
    return Array(bytes[...])
  }

  /// Appends an entry as receivers read it who know features: `;F:a+b` behind it, if there are any.
  /// - Parameter features: the names, sorted, with `+` between them (`Features.listText`).
  package static func append(_ entry: [UInt8], features: [UInt8], to frames: inout [UInt8]) {
    frames.append(contentsOf: entry)
    guard !features.isEmpty else { return }
    frames.append(";F:")
    frames.append(contentsOf: features)
  }

  /// One whole frame, with its CR LF, around the entries that `body` appends with commas between them; none is allowed.
  package static func frame(to frames: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    frames.append(opening)
    body(&frames)
    frames.append(closing)
  }

  /// Where `entry` stands in whole frames, with what has to go with it: a comma beside it, or its frame, when it is alone in there.
  package static func rangeToOmit(_ entry: [UInt8], outOf frames: [UInt8]) -> Range<Int> {
    guard let start = frames.withUnsafeBytes({ $0.firstOffset(of: entry) }) else { return 0..<0 }
    let found = start..<start + entry.count
    let isFirst = frames[found.lowerBound - 1] != UInt8(ascii: ",")
    guard isFirst else { return found.lowerBound - 1..<found.upperBound }
    let isLast = frames[found.upperBound] != UInt8(ascii: ",")
    guard isLast else { return found.lowerBound..<found.upperBound + 1 }
    return found.lowerBound - opening.utf8CodeUnitCount..<found.upperBound
      + closing.utf8CodeUnitCount
  }

  /// Whether an omitted range is a whole frame.
  package static func isFrame(_ omitted: ArraySlice<UInt8>) -> Bool {
    omitted.first == UInt8(ascii: "{")
  }

  /// What everyone is told when a listed peer has left: `nick;host:port;D`.
  package static func departure(of entry: [UInt8], to frames: inout [UInt8]) {
    frame(to: &frames) { frames in
      frames.append(contentsOf: entry)
      frames.append(";D")
    }
  }
}
