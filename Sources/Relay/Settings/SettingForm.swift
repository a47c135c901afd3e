/// Converts the text of one kind of setting to a value and back. A form refuses values outside its
/// range, so no other module sees a wrong value. The text that it writes reads back as the same
/// value.
import Logging
import Units
import Wire

package struct SettingForm<Value: Sendable & Equatable>: Sendable {
  /// The allowed values in words, for faults and help.
  package let allowed: String
  /// The placeholder for the value in `--help`, in upper case.
  package let valueName: String
  /// `nil` for a text that is not allowed.
  package let read: @Sendable (String) -> Value?
  package let write: @Sendable (Value) -> String
}

extension SettingForm {
  /// The same form for an optional setting: an empty text is `nil`.
  static func optional<Wrapped>(_ form: SettingForm<Wrapped>) -> SettingForm
  where Value == Wrapped? {
    SettingForm(
      allowed: form.allowed, valueName: form.valueName,
      read: { text in form.read(text).map { .some($0) } },
      write: { $0.map(form.write) ?? "" })
  }
}

extension SettingForm where Value: FixedWidthInteger {
  static func integer(_ range: ClosedRange<Value>) -> SettingForm {
    SettingForm(
      allowed: "a whole number, \(range.lowerBound) to \(range.upperBound)", valueName: "N",
      read: { text in
        guard text.isDecimalDigits, let n = Value(text), range.contains(n) else { return nil }
        return n
      },
      write: { "\($0)" })
  }
}

extension SettingForm where Value == Duration {
  /// Seconds, optionally with a fraction, in steps of a nanosecond.
  package static func seconds(_ range: ClosedRange<Double>) -> SettingForm {
    let low = plainDecimal(range.lowerBound)
    let high = plainDecimal(range.upperBound)
    return SettingForm(
      allowed: "seconds, \(low) to \(high)", valueName: "SECONDS",
      read: { text in
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ $0.isDecimalDigits }), text.utf8.count <= 20,
          let n = Double(text), range.contains(n)
        else { return nil }
        return .nanoseconds(Int64((n * 1e9).rounded()))
      },
      write: { plainDecimal($0.seconds) })
  }
}

/// `60` rather than `60.0`.
private func plainDecimal(_ n: Double) -> String {
  let text = "\(n)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

extension SettingForm where Value == ByteCount {
  private static var units: [(suffix: String, shift: Int)] {
    [("gib", 30), ("mib", 20), ("kib", 10)]
  }

  /// A plain number of bytes, or one with KiB, MiB or GiB.
  package static func bytes(_ range: ClosedRange<ByteCount>) -> SettingForm {
    SettingForm(
      allowed: "bytes, \(words(range.lowerBound)) to \(words(range.upperBound))",
      valueName: "BYTES",
      read: { text in
        let lower = text.lowercased()
        let unit = units.first { lower.hasSuffix($0.suffix) }
        var digits = Substring(lower).dropLast(unit?.suffix.count ?? 0)
        while unit != nil, digits.last == " " { digits.removeLast() }
        guard digits.isDecimalDigits, let n = Int(digits) else { return nil }
        let (bytes, overflow) = n.multipliedReportingOverflow(by: 1 << (unit?.shift ?? 0))
        let count = ByteCount(bytes)
        return !overflow && range.contains(count) ? count : nil
      },
      write: words)
  }

  /// The largest unit that divides it.
  @Sendable private static func words(_ count: ByteCount) -> String {
    for (text, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
    where count.bytes > 0 && count.bytes % (1 << shift) == 0 {
      return "\(count.bytes >> shift)\(text)"
    }
    return "\(count.bytes)"
  }
}

extension SettingForm where Value == Bool {
  static var bool: SettingForm {
    SettingForm(
      allowed: "true or false", valueName: "BOOL",
      read: { text in
        switch text.lowercased() {
        case "true", "1", "yes", "on": true
        case "false", "0", "no", "off": false
        default: nil
        }
      },
      write: { $0 ? "true" : "false" })
  }
}

extension SettingForm where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
  static var choice: SettingForm {
    let names = Value.allCases.map(\.rawValue)
    return SettingForm(
      allowed: listed(names), valueName: "NAME",
      read: { Value(rawValue: $0.lowercased()) },
      write: { $0.rawValue })
  }
}

/// `a, b or c`.
private func listed(_ names: [String]) -> String {
  guard let last = names.last, names.count > 1 else { return names.first ?? "" }
  return names.dropLast().joined(separator: ", ") + " or " + last
}

extension SettingForm where Value == Logger.Level {
  /// The level names of swift-log, Python's logging and loguru, in any letter case.
  package static var logLevel: SettingForm {
    SettingForm(
      allowed: listed(Logger.Level.allCases.map(\.rawValue)), valueName: "NAME",
      read: { text in
        switch text.lowercased() {
        case "warn": .warning
        case "success": .notice
        case "fatal": .critical
        case let name: Logger.Level(rawValue: name)
        }
      },
      write: { $0.rawValue })
  }
}

extension SettingForm where Value == UInt32 {
  /// Permission bits in octal, as for chmod(1).
  static var fileMode: SettingForm {
    SettingForm(
      allowed: "an octal mode, 0000 to 0777", valueName: "MODE",
      read: { text in
        guard text.isDecimalDigits, let n = UInt32(text, radix: 8), n <= 0o777 else { return nil }
        return n
      },
      write: {
        let digits = String($0, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
      })
  }
}

extension SettingForm where Value == String {
  /// Any text without control characters other than line breaks and tabs.
  package static func text(upTo limit: Int) -> SettingForm {
    SettingForm(
      allowed: "text of at most \(limit) bytes without control characters", valueName: "TEXT",
      read: { text in
        let plain = text.unicodeScalars.allSatisfy {
          $0 == "\n" || $0 == "\t" || $0.properties.generalCategory != .control
        }
        return plain && text.utf8.count <= limit ? text : nil
      },
      write: { $0 })
  }

  /// A file system path; `limit` is 103 for a Unix socket: what `sun_path` holds, with room for
  /// `.new`.
  package static func path(upTo limit: Int = 4095) -> SettingForm {
    SettingForm(
      allowed: "a path of at most \(limit) bytes", valueName: "PATH",
      read: { !$0.isEmpty && $0.utf8.count <= limit && !$0.utf8.contains(0) ? $0 : nil },
      write: { $0 })
  }

  /// A numeric address; names are not resolved. Brackets around an IPv6 address are dropped.
  package static var host: SettingForm {
    SettingForm(
      allowed: "an IPv4 or IPv6 address, or localhost", valueName: "HOST",
      read: { text in
        let bare =
          text.hasPrefix("[") && text.hasSuffix("]") ? text.dropFirst().dropLast() : text[...]
        let isAddress = Array(bare.utf8).withView { $0.ipAddress() } != nil
        return isAddress || bare == "localhost" ? String(bare) : nil
      },
      write: { $0 })
  }

  /// `<56 base32>.onion:port`. Only the form is checked; `Wire` checks the checksum.
  static var onionEndpoint: SettingForm {
    SettingForm(
      allowed: "a v3 onion name and a port, as in <56 characters>.onion:5222",
      valueName: "ONION:PORT",
      read: { text in
        let parts = text.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].hasSuffix(".onion"), parts[0].utf8.count == 62,
          parts[0].dropLast(6).utf8.allSatisfy({
            (0x61...0x7a).contains($0) || (0x32...0x37).contains($0)
          }),
          parts[1].isDecimalDigits, let port = UInt16(parts[1]), port > 0
        else { return nil }
        return "\(parts[0]):\(port)"
      },
      write: { $0 })
  }
}

extension SettingForm where Value == [String] {
  /// Host names or addresses without ports, separated by commas or blanks.
  static var hostNames: SettingForm {
    SettingForm(
      allowed: "at most 64 host names or addresses without ports, separated by commas",
      valueName: "HOSTS",
      read: { text in
        let names = text.lowercased().split { $0 == "," || $0 == " " }.map(String.init)
        let isPlain = names.allSatisfy { name in
          name.utf8.count <= 255
            && name.utf8.allSatisfy { byte in
              (0x61...0x7a).contains(byte) || (0x30...0x39).contains(byte)
                || ".-_:[]".utf8.contains(byte)
            }
        }
        return isPlain && names.count <= 64 ? names : nil
      },
      write: { $0.joined(separator: ",") })
  }
}

extension SettingForm where Value == NickAuthDirectoryID {
  package static var directoryID: SettingForm {
    SettingForm(
      allowed: "auto; or lower-case letters, digits, and .:_- after the first character",
      valueName: "ID",
      read: { text in
        if text.lowercased() == "auto" { return .automatic }
        return DirectoryID(text) == nil ? nil : .endpoint(text)
      },
      write: {
        switch $0 {
        case .unset: ""
        case .automatic: "auto"
        case .endpoint(let id): id
        }
      })
  }
}

extension SettingForm where Value == FDStoreSetting {
  package static var fdStore: SettingForm {
    SettingForm(
      allowed: "the absolute path of a socket, systemd, auto, or nothing", valueName: "STORE",
      read: { text in
        switch text {
        case "auto": .automatic
        case "systemd": .systemd
        default: text.hasPrefix("/") && text.utf8.count <= 107 ? .path(text) : nil
        }
      },
      write: {
        switch $0 {
        case .automatic: "auto"
        case .none: ""
        case .systemd: "systemd"
        case .path(let path): path
        }
      })
  }
}

extension StringProtocol {
  /// At least one character and only ASCII 0–9: no sign, no blank, no exponent.
  var isDecimalDigits: Bool { !isEmpty && utf8.allSatisfy { (0x30...0x39).contains($0) } }
}
