/// The settings of a directory node in joinmarket-ng's `config.toml`, under their names in the
/// environment. joinmarket-ng's programs share this file.

import TOMLKit
import Units

struct ConfigFile {
  struct Entry: Equatable {
    /// As in `DIRECTORY_SERVER__MAX_PEERS`.
    var name: String
    /// As in `directory_server.max_peers`.
    var key: String
    var value: String
  }

  struct Malformed: Error, Equatable {
    var line: Int
    var reason: String
  }

  private(set) var entries: [Entry] = []
  /// Keys without a meaning for a directory node, in alphabetical order.
  private(set) var withoutMeaning: [String] = []

  init(_ text: String) throws(Malformed) {
    // The parser takes a C string.
    guard !text.utf8.contains(0) else {
      throw Malformed(line: 1, reason: "it contains a NUL character")
    }
    let table: TOMLTable
    do {
      table = try TOMLTable(string: text)
    } catch let error as TOMLParseError {
      throw Malformed(line: error.source.begin.line, reason: error.description)
    } catch {
      throw Malformed(line: 1, reason: "\(error)")
    }
    for (section, value) in table {
      guard let keys = value.table else {
        withoutMeaning.append(section)
        continue
      }
      for (key, value) in keys { take(section, key, value) }
    }
    withoutMeaning.sort()
  }

  private mutating func take(_ section: String, _ key: String, _ value: any TOMLValueConvertible) {
    let name = "\(section)__\(key)".uppercased()
    guard Self.names.contains(name) else { return withoutMeaning.append("\(section).\(key)") }
    entries.append(Entry(name: name, key: "\(section).\(key)", value: Self.text(of: value)))
  }

  /// joinmarket-ng's names of the settings in the file.
  private static let names = Set(
    Settings.table.compactMap(\.ngName).filter { name in
      ["DIRECTORY_SERVER__", "NETWORK_CONFIG__", "LOGGING__"].contains { name.hasPrefix($0) }
    })

  /// Returns the value as text, as in an environment. A value without such a text (a list) is
  /// refused like a wrong value.
  private static func text(of value: any TOMLValueConvertible) -> String {
    if let text = value.string { return text }
    if let number = value.int { return "\(number)" }
    if let number = value.double { return "\(number)" }
    if let isOn = value.bool { return isOn ? "true" : "false" }
    return value.debugDescription
  }
}
