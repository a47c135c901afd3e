/// Escapes text from outside for one line of a log, an error message or a terminal. The result has
/// no control and no invisible character, and between quotes it is a valid JSON string.

extension String {
  /// Returns the text with quotes, backslashes and invisible characters escaped as in JSON.
  package var escapedForOneLine: String {
    var out = ""
    out.reserveCapacity(utf8.count + 8)
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case " "..."~": out.unicodeScalars.append(scalar)
      default:
        if scalar.mustBeEscaped {
          for unit in String(scalar).utf16 { out += "\\u" + fourHexDigits(unit) }
        } else {
          out.unicodeScalars.append(scalar)
        }
      }
    }
    return out
  }

  /// Returns the escaped text in quotes.
  package var quotedForOneLine: String { "\"" + escapedForOneLine + "\"" }

  /// Returns the text unchanged if it is one plain word, otherwise in quotes.
  package var wordForOneLine: String {
    let plain = utf8.allSatisfy { (0x21...0x7e).contains($0) && !"\"'\\=".utf8.contains($0) }
    return plain && !isEmpty ? self : quotedForOneLine
  }
}

extension Unicode.Scalar {
  /// Control characters, characters that change the display of a line (U+2028, U+202E and similar),
  /// and characters without a glyph (variation selectors, fillers).
  fileprivate var mustBeEscaped: Bool {
    if properties.isDefaultIgnorableCodePoint { return true }
    return switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
  }
}

private func fourHexDigits(_ n: UInt16) -> String {
  let digits = String(n, radix: 16)
  return String(repeating: "0", count: 4 - digits.count) + digits
}
