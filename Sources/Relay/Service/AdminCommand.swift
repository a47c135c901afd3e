import Wire

/// One line of a client of the admin socket.
enum AdminCommand: Equatable {
  case peers
  /// - Parameter listener: its name; `nil` when the client gave none.
  case closeCircuit(listener: String?, number: UInt32)
  case closeNick(Nick)

  /// The longest line in bytes, without its terminator.
  static let longest = 256

  init?(_ line: String) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    switch words.count {
    case 1 where words[0] == "peers": self = .peers
    case 3 where words[0] == "close" && words[1] == "nick":
      guard let nick = Nick(String(words[2])) else { return nil }
      self = .closeNick(nick)
    case 3 where words[0] == "close" && words[1] == "circuit":
      let parts = words[2].split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, let last = parts.last,
        last.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        let number = UInt32(last)
      else { return nil }
      self = .closeCircuit(listener: parts.count == 2 ? String(parts[0]) : nil, number: number)
    default: return nil
    }
  }
}
