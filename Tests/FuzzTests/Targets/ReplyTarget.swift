// The replies of the status port that the control program reads, and external text in log lines.

@testable import ControlCommands
@testable import Units
@testable import Wire

enum ReplyTarget {
  static func run(_ input: ByteView) throws {
    let bytes = Array(input)
    if let response = try? StatusClient.response(from: bytes) {
      try hold("the body is part of the reply", response.body.count <= max(0, bytes.count - 4))
    }
    let text = String(decoding: bytes, as: UTF8.self)
    let quoted = Array(text.quotedForOneLine.utf8)
    try hold("one line without controls", quoted.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
    let unquoted = quoted.withView { quoted -> [UInt8]? in
      var reader = JSONReader(quoted, maxNesting: 1, uniqueKeys: true)
      guard let string = try? reader.string(), (try? reader.end()) != nil else { return nil }
      return reader.decoded(string)
    }
    try hold("quoted text is a JSON string of the same text", unquoted == Array(text.utf8))
    let word = text.wordForOneLine
    try hold("a word is one word or quoted", word.utf8.first == 0x22 || !word.utf8.contains(0x20))
    try hold(
      "nothing invisible is shown",
      !word.unicodeScalars.contains { $0.properties.isDefaultIgnorableCodePoint })
  }
}
