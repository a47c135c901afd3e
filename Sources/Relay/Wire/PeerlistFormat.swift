// Peerlists (789): the connected peers, and those that have just left. Entries have checked values
// only, ASCII that needs no JSON escape, so no entry can be forged. The directory decides who is
// listed, and caches encoded entries.

import Units

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
    // Kept as long as the peer is connected, so without spare capacity.
    return Array(bytes[...])
  }

  /// Appends an entry for receivers that read features, with `;F:a+b` if there are any.
  /// - Parameter features: the names, sorted, with `+` between them (`Features.listText`).
  package static func append(_ entry: [UInt8], features: [UInt8], to frames: inout [UInt8]) {
    frames.append(contentsOf: entry)
    guard !features.isEmpty else { return }
    frames.append(";F:")
    frames.append(contentsOf: features)
  }

  /// Appends one whole frame, with its CR LF, around the entries that `body` appends with commas
  /// between them. It may have no entry.
  package static func frame(to frames: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    frames.append(opening)
    body(&frames)
    frames.append(closing)
  }

  /// Returns the range of `entry` in whole frames together with its comma, or the whole frame if it
  /// is the only entry.
  package static func rangeToOmit(_ entry: [UInt8], outOf frames: [UInt8]) -> Range<Int> {
    guard let start = frames.withView({ $0.firstOffset(of: entry) }) else { return 0..<0 }
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

  /// The entry that announces the departure of a listed peer: `nick;host:port;D`.
  package static func departure(of entry: [UInt8], to frames: inout [UInt8]) {
    frame(to: &frames) { frames in
      frames.append(contentsOf: entry)
      frames.append(";D")
    }
  }
}
