/// One row of the settings table: a setting's names, its allowed values, its meaning, and how it is
/// read from and written to `Settings`. Only `SettingsTable.swift` makes rows.

package struct SettingDefinition: Sendable {
  /// When a changed value takes effect after SIGHUP.
  package enum Reload: Sendable {
    /// At once.
    case applied
    /// At the next start. The reload logs that.
    case needsRestart
  }

  /// The meaning of an empty value.
  package enum Empty: Sendable {
    /// The setting is not given.
    case unset
    /// The empty text is a value like any other.
    case value
  }

  /// The name in the environment, for example `MAX_PEERS`.
  package let name: String
  /// joinmarket-ng's name, for example `DIRECTORY_SERVER__MAX_PEERS`.
  package let ngName: String?
  /// Other accepted names.
  let aliases: [String]
  /// The allowed values in words.
  package let allowed: String
  package let valueName: String
  /// One or two sentences.
  package let meaning: String
  package let reload: Reload
  package let empty: Empty
  let isBool: Bool

  /// Sets the value from a text. Returns false and changes nothing if the value is not allowed.
  package let apply: @Sendable (String, inout Settings) -> Bool
  /// Returns the current value as the text that would set it.
  package let text: @Sendable (Settings) -> String
  /// Copies this setting's value from the first settings into the second.
  package let copy: @Sendable (Settings, inout Settings) -> Void
  package let isEqual: @Sendable (Settings, Settings) -> Bool

  package init<Value>(
    _ name: String, ng ngName: String? = nil, aliases: [String] = [],
    _ field: any WritableKeyPath<Settings, Value> & Sendable, _ form: SettingForm<Value>,
    empty: Empty = .unset, emptyValue: Value? = nil, _ reload: Reload, _ meaning: String
  ) {
    self.name = name
    self.ngName = ngName
    self.aliases = aliases
    allowed = form.allowed
    valueName = form.valueName
    self.meaning = meaning
    self.reload = reload
    self.empty = empty
    isBool = Value.self == Bool.self
    apply = { text, settings in
      if text.isEmpty, let emptyValue {
        settings[keyPath: field] = emptyValue
        return true
      }
      guard let value = form.read(text) else { return false }
      settings[keyPath: field] = value
      return true
    }
    self.text = { form.write($0[keyPath: field]) }
    copy = { $1[keyPath: field] = $0[keyPath: field] }
    isEqual = { $0[keyPath: field] == $1[keyPath: field] }
  }

  /// `--max-peers`.
  package var flag: String { Self.flag(for: name) }

  package static func flag(for name: String) -> String {
    "--" + name.lowercased().replacing("_", with: "-")
  }

  /// The default as text; empty when there is none.
  var defaultText: String { text(Settings()) }

  /// All names in an environment in the order of precedence, ours first.
  package var names: [String] { [name] + aliases + (ngName.map { [$0] } ?? []) }

  /// All flags of the setting.
  package var flags: [String] { ([name] + aliases).map(Self.flag(for:)) }
}
