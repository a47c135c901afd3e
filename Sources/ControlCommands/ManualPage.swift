import Units

/// A manual page in roff's man macros, from the texts of `--help`. A test compares the committed
/// pages with what the programs write.
package struct ManualPage: Sendable {
  package private(set) var text: String

  /// - Parameter section: 1 for commands, 8 for what an administrator runs.
  package init(_ name: String, section: Int, abstract: String) {
    text = ".TH \(name.uppercased()) \(section) \"\" \"JoinMarket Relay \(relayVersion)\"\n"
    heading("NAME")
    text += "\(Self.escaped(name)) \\- \(Self.escaped(abstract))\n"
  }

  package mutating func heading(_ title: String) { text += ".SH \(title)\n" }

  package mutating func paragraph(_ words: String) { text += ".PP\n\(Self.escaped(words))\n" }

  /// A term and what it means.
  package mutating func item(_ term: String, _ meaning: String) {
    text += ".TP\n.B \(Self.escaped(term))\n\(Self.escaped(meaning))\n"
  }

  /// Lines kept as they are.
  package mutating func verbatim(_ lines: String) {
    let kept = lines.split(separator: "\n", omittingEmptySubsequences: false)
      .map { Self.escaped(String($0)) }.joined(separator: "\n")
    text += ".PP\n.nf\n\(kept)\n.fi\n"
  }

  /// Escapes backslashes, hyphens, and a dot or quote that would begin a request.
  private static func escaped(_ line: String) -> String {
    let safe = line.replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return safe.hasPrefix(".") || safe.hasPrefix("'") ? "\\&" + safe : safe
  }
}
