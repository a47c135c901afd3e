/// A `.env` file: lines of `NAME=value`, as Docker Compose, systemd's EnvironmentFile and Python's
/// dotenv take them. Blank lines and `#` lines are skipped, `export` before a name is allowed, and
/// so are CRLF and a byte order mark. Single quotes keep everything as it is; in double quotes
/// `\n`, `\t`, `\"`, `\\` and `\$` are escapes; without quotes a `#` after a blank starts a
/// comment. Nothing is expanded: a `$` is a `$`.

import Units

struct DotEnv: Sendable, Equatable {
  package struct Entry: Sendable, Equatable {
    package var name: String
    package var value: String
    /// The line number, from 1.
    package var line: Int
  }

  struct Malformed: Error, Sendable, Equatable {
    package var line: Int
    package var reason: String
  }

  /// In file order. The later of two lines with one name is used.
  var entries: [Entry] = []
  package var malformed: [Malformed] = []

  package init(_ contents: String) {
    let text =
      contents.unicodeScalars.first == "\u{feff}"
      ? contents.unicodeScalars.dropFirst() : contents.unicodeScalars[...]
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      do throws(Malformed) {
        if let entry = try Self.entry(line, number: index + 1) { entries.append(entry) }
      } catch {
        malformed.append(error)
      }
    }
  }

  /// By name. The later of two is used.
  package var values: [String: Entry] {
    Dictionary(entries.map { ($0.name, $0) }, uniquingKeysWith: { _, later in later })
  }

  private typealias Scalars = Substring.UnicodeScalarView

  private static func entry(_ raw: Scalars, number: Int) throws(Malformed) -> Entry? {
    var line = trimmed(raw)
    guard let first = line.first, first != "#" else { return nil }
    let export = "export".unicodeScalars
    if line.starts(with: export), let after = line.dropFirst(export.count).first, isBlank(after) {
      line = trimmed(line.dropFirst(export.count))
    }
    guard let equals = line.firstIndex(of: "=") else {
      throw Malformed(line: number, reason: "it has no =")
    }
    let name = trimmed(line[..<equals])
    let isName = name.allSatisfy {
      $0 == "_" || $0.isASCII && $0.properties.isAlphabetic || ("0"..."9").contains($0)
    }
    guard isName, !name.isEmpty else {
      throw Malformed(
        line: number, reason: "\(String(name).quotedForOneLine) is not a name")
    }
    do throws(QuoteFault) {
      return Entry(
        name: String(name), value: try value(trimmed(line[line.index(after: equals)...])),
        line: number)
    } catch {
      throw Malformed(line: number, reason: error.rawValue)
    }
  }

  private enum QuoteFault: String, Error {
    case open = "a quote is not closed"
    case trailing = "there is text after the closing quote"
  }

  private static func value(_ text: Scalars) throws(QuoteFault) -> String {
    guard let quote = text.first, quote == "\"" || quote == "'" else { return unquoted(text) }
    var value = String.UnicodeScalarView()
    var rest = text.dropFirst()
    while let scalar = rest.popFirst() {
      if scalar == quote {
        let tail = trimmed(rest)
        guard tail.isEmpty || tail.first == "#" else { throw .trailing }
        return String(value)
      }
      if scalar == "\\", quote == "\"", let next = rest.first, let plain = escape(next) {
        value.append(plain)
        rest.removeFirst()
      } else {
        value.append(scalar)
      }
    }
    throw .open
  }

  private static func escape(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
    switch scalar {
    case "n": "\n"
    case "t": "\t"
    case "\"", "\\", "$": scalar
    default: nil
    }
  }

  private static func unquoted(_ text: Scalars) -> String {
    var previous: Unicode.Scalar = " "
    for index in text.indices {
      if text[index] == "#", isBlank(previous) { return String(trimmed(text[..<index])) }
      previous = text[index]
    }
    return String(text)
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar == " " || scalar == "\t" || scalar == "\r"
  }

  private static func trimmed(_ text: Scalars) -> Scalars {
    var text = text
    while let first = text.first, isBlank(first) { text.removeFirst() }
    while let last = text.last, isBlank(last) { text.removeLast() }
    return text
  }
}
