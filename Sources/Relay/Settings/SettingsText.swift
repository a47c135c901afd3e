/// The settings table as text: `--help`, docs/settings.md and check-config's list.

import Units

extension Settings {
  /// Every setting with its flag, names, range, default and meaning, at most 78 columns wide:
  /// ArgumentParser breaks longer lines without their indent.
  package static var helpText: String {
    table.map { row in
      let names = ([row.name] + (row.ngName.map { [$0] } ?? [])).joined(separator: ", ")
      let lines = wrapped("\(row.meaning) \(row.sentence)", columns: 70).map { "        " + $0 }
      return "  \(row.flag) \(row.valueName)\n      \(names)\n" + lines.joined(separator: "\n")
    }.joined(separator: "\n")
  }

  /// Returns the settings as a Markdown table.
  package static var markdownTable: String {
    var out = "| setting | joinmarket-ng's name | default | allowed | SIGHUP | meaning |\n"
    out += "|---|---|---|---|---|---|\n"
    for row in table {
      let ng = row.ngName.map { "`\($0)`" } ?? ""
      let text = row.defaultText.isEmpty ? "" : "`\(row.defaultText)`"
      let reload = row.reload == .applied ? "applied" : "restart"
      let cells = ["`\(row.name)`", ng, text, row.allowed, reload, row.meaning]
      out += "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |\n"
    }
    return out
  }

  /// Returns `NAME=value  (from origin)`, a line for each setting. The value can be pasted into a
  /// `.env`.
  package func lines(origins: [String: SettingOrigin]) -> [String] {
    Self.table.map { row in
      let text = row.text(self)
      let value = text.isEmpty ? "" : text.wordForOneLine
      return "\(row.name)=\(value)  (from \(origins[row.name] ?? .byDefault))"
    }
  }
}

extension SettingDefinition {
  /// Range, default and reload in one sentence.
  package var sentence: String {
    let unset = defaultText.isEmpty ? "not set" : defaultText
    let after = reload == .needsRestart ? " A change needs a restart." : ""
    return "Allowed: \(allowed). Default: \(unset).\(after)"
  }
}

/// Wraps a text at blanks; a longer word gets its own line.
private func wrapped(_ text: String, columns: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for word in text.split(separator: " ") {
    if !line.isEmpty, line.utf8.count + 1 + word.utf8.count > columns {
      lines.append(line)
      line = ""
    }
    line += (line.isEmpty ? "" : " ") + word
  }
  return line.isEmpty ? lines : lines + [line]
}
