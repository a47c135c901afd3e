/// The result of reading the settings: the settings, unless there was a fault, and all faults and
/// warnings as texts for the operator. Each text is one line, whatever the input was.

import Units

package struct SettingsReading: Sendable {
  /// `nil` when there is any fault.
  public internal(set) var settings: Settings?
  public internal(set) var faults: [SettingsFault] = []
  public internal(set) var warnings: [SettingsWarning] = []
  /// The origin of each setting, by its name in the table.
  public internal(set) var origins: [String: SettingOrigin] = [:]
}

/// The origin of a value. Precedence: flags, environment, `.env`, `config.toml`.
package enum SettingOrigin: Sendable, Equatable, CustomStringConvertible {
  case flag(String)
  case environment
  case file(path: String, line: Int)
  /// joinmarket-ng's `config.toml`.
  case configFile(path: String, key: String)
  case byDefault

  package var description: String {
    switch self {
    case .flag(let flag): "flag \(flag)"
    case .environment: "environment"
    case .file(let path, let line): "\(path.escapedForOneLine):\(line)"
    case .configFile(let path, let key):
      "\(path.escapedForOneLine), \(key.escapedForOneLine)"
    case .byDefault: "default"
    }
  }
}

package enum SettingsFault: Error, Sendable, Equatable, CustomStringConvertible {
  case notAllowed(name: String, value: String, allowed: String, origin: SettingOrigin)
  case unknownFlag(String, nearest: String?)
  case flagWithoutValue(String, allowed: String)
  case unexpectedArgument(String)
  case unreadableFile(path: String, reason: String)
  case malformedLine(path: String, line: Int, reason: String)
  case malformedConfigFile(path: String, line: Int, reason: String)
  /// Settings that are valid alone and not together.
  case conflict(String)

  package var description: String {
    switch self {
    case .notAllowed(let name, let value, let allowed, let origin):
      "\(name)=\(shown(value)) (from \(origin)) is not allowed; it must be \(allowed)"
    case .unknownFlag(let flag, let nearest):
      "unknown flag \(shown(flag))" + (nearest.map { "; did you mean \($0)?" } ?? "; see --help")
    case .flagWithoutValue(let flag, let allowed): "\(flag) needs a value: \(allowed)"
    case .unexpectedArgument(let text): "unexpected argument \(shown(text)); see --help"
    case .unreadableFile(let path, let reason): "cannot read \(shown(path)): \(reason)"
    case .malformedLine(let path, let line, let reason):
      "\(path.escapedForOneLine):\(line) is not NAME=value: \(reason)"
    case .malformedConfigFile(let path, let line, let reason):
      "\(path.escapedForOneLine):\(line) is not TOML: \(reason.escapedForOneLine)"
    case .conflict(let text): text
    }
  }

  /// The same text without onions: no record at `info` or above may name one.
  package var forLog: String {
    guard description.lowercased().contains(".onion") else { return description }
    return switch self {
    case .notAllowed(let name, _, let allowed, let origin):
      "\(name) (from \(origin), its value is not logged) is not allowed; it must be \(allowed)"
    default: "a setting that names an onion is wrong; see jm-directory-server check-config"
    }
  }
}

package enum SettingsWarning: Sendable, Equatable, CustomStringConvertible {
  case unknownName(String, nearest: String?, origin: SettingOrigin)
  /// A setting of joinmarket-ng that has no effect here.
  case noEffect(String, origin: SettingOrigin)
  case repeated(String, path: String, line: Int)
  /// Keys of joinmarket-ng's `config.toml`, which other programs read too.
  case withoutMeaning([String], path: String)
  case questionable(String)

  package var description: String {
    switch self {
    case .unknownName(let name, let nearest, let origin):
      "unknown setting \(shown(name)) (from \(origin)) is ignored"
        + (nearest.map { "; did you mean \($0)?" } ?? "")
    case .noEffect(let name, let origin): "\(name) (from \(origin)) has no effect in this relay"
    case .repeated(let name, let path, let line):
      "\(name) is set again in \(path.escapedForOneLine):\(line); the last one holds"
    case .withoutMeaning(let keys, let path):
      "\(path.escapedForOneLine): without a meaning in this relay: "
        + keys.map(\.escapedForOneLine).joined(separator: ", ")
    case .questionable(let text): text
    }
  }
}

/// The text, shortened so that the line stays readable.
private func shown(_ text: String) -> String {
  let cut = text.unicodeScalars.count > 100
  return (cut ? String(text.unicodeScalars.prefix(100)) + "…" : text).wordForOneLine
}
