/// One row of the settings table: how a setting is called, what it may be, what it does, and how it
/// gets into and out of `Settings`. Rows are made only in `SettingsTable.swift`.

package struct SettingDefinition: Sendable {
  /// When a changed value takes hold after SIGHUP.
  package enum Reload: Sendable {
    /// At once.
    case applied
    /// At the next start; the reload says so.
    case needsRestart
  }

  /// What a value without any text means.
  package enum Empty: Sendable {
    /// Means that the setting is not given.
    case unset
    /// Is a value like any other.
    case value
  }

  /// The environment name, as in `MAX_PEERS`.
  package let name: String
  /// joinmarket-ng's name, as in `DIRECTORY_SERVER__MAX_PEERS`.
  package let ngName: String?
  /// Further spellings that are accepted.
  let aliases: [String]
  /// The allowed values in words.
  package let allowed: String
  package let valueName: String
  /// One or two sentences.
  package let meaning: String
  package let reload: Reload
  package let empty: Empty
  let isBool: Bool

  /// Puts the value of a text into the settings; false, and nothing is changed, if it is not
  /// allowed.
  package let apply: @Sendable (String, inout Settings) -> Bool
  /// The effective value as the text that would set it.
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

  /// Every name that stands for it in an environment, ours first: that is the precedence.
  package var names: [String] { [name] + aliases + (ngName.map { [$0] } ?? []) }

  /// Every flag that stands for it.
  package var flags: [String] { ([name] + aliases).map(Self.flag(for:)) }
}
