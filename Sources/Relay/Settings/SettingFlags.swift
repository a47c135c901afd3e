/// Reads the command line with the settings table: `--max-peers 5` or `--max-peers=5`, one flag for
/// each setting, and `--env-file PATH`. A yes-or-no flag without a value means true.

struct SettingFlags: Sendable {
  struct Given: Sendable {
    package var value: String
    /// The flag as it was written.
    package var flag: String
  }

  /// By the setting's name in the table. The later of two equal flags is used.
  package private(set) var values: [String: Given] = [:]
  private(set) var envFile: String?
  package private(set) var faults: [SettingsFault] = []

  static let envFileFlag = "--env-file"

  package init(_ arguments: [String]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("-"), argument != "-" else {
        faults.append(.unexpectedArgument(argument))
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      take(flag: String(parts[0]), inline: parts.count == 2 ? String(parts[1]) : nil, rest: &rest)
    }
  }

  private static let definitions: [String: SettingDefinition] = Dictionary(
    uniqueKeysWithValues: Settings.table.flatMap { row in
      (row.flags + (row.name == "LOG_LEVEL" ? ["-l"] : [])).map { ($0, row) }
    })

  private mutating func take(flag: String, inline: String?, rest: inout ArraySlice<String>) {
    if flag == Self.envFileFlag {
      guard let path = inline ?? rest.popFirst(), !path.isEmpty else {
        faults.append(.flagWithoutValue(flag, allowed: "the path of a file"))
        return
      }
      envFile = path
      return
    }
    guard let row = Self.definitions[flag] else {
      let all = Array(Self.definitions.keys) + [Self.envFileFlag]
      faults.append(.unknownFlag(flag, nearest: SettingNames.nearest(to: flag, among: all)))
      // Skips its value, which would be reported as a second fault.
      if inline == nil, let next = rest.first, !next.hasPrefix("-") { rest.removeFirst() }
      return
    }
    if let inline {
      values[row.name] = Given(value: inline, flag: flag)
    } else if let next = rest.first, !next.hasPrefix("--") {
      rest.removeFirst()
      values[row.name] = Given(value: next, flag: flag)
    } else if row.isBool {
      values[row.name] = Given(value: "true", flag: flag)
    } else {
      faults.append(.flagWithoutValue(flag, allowed: row.allowed))
    }
  }
}
