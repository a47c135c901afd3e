/// Reads the settings. Precedence: flags, environment, `.env`, joinmarket-ng's `config.toml`,
/// defaults. The programs call `Settings.load` at the start and again on SIGHUP. It keeps no state,
/// and reads only its parameters and the files.
import FoundationEssentials

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension Settings {
  /// - Parameters:
  ///   - arguments: the flags, without program and subcommand.
  ///   - workingDirectory: the folder of `.env` and of a relative `--env-file`.
  package static func load(
    arguments: [String], environment: [String: String], workingDirectory: String = "."
  ) -> SettingsReading {
    var reading = SettingsReading()
    let flags = SettingFlags(arguments)
    reading.faults += flags.faults
    let file = readFile(
      named: flags.envFile, in: workingDirectory, environment: environment, into: &reading)
    for name in environment.keys.sorted() {
      if let warning = SettingNames.warning(for: name, origin: .environment, anyName: false) {
        reading.warnings.append(warning)
      }
    }
    let config = readConfigFile(
      in: workingDirectory, environment: environment, file: file, into: &reading)
    let layers = [
      SettingsLayer(flags), SettingsLayer(environment: environment), SettingsLayer(file: file),
      SettingsLayer(config: config),
    ]
    var settings = Settings()
    for row in table {
      reading.origins[row.name] = layers.apply(row, to: &settings, faults: &reading.faults)
    }
    settings.completeDefaults()
    if reading.faults.isEmpty {
      // The sockets themselves are checked at the start.
      let inherits = !["", "0"].contains(environment["LISTEN_FDS"] ?? "")
      reading.faults += settings.conflicts(inheritsListeners: inherits)
      reading.warnings += settings.suspiciousSettings()
    }
    if reading.faults.isEmpty { reading.settings = settings }
    return reading
  }

  /// The environment of this process.
  package static var processEnvironment: [String: String] { ProcessInfo.processInfo.environment }

  private static func readFile(
    named given: String?, in directory: String, environment: [String: String],
    into reading: inout SettingsReading
  ) -> [(entry: DotEnv.Entry, path: String)] {
    let shown = given ?? ".env"
    let path = shown.hasPrefix("/") ? shown : directory + "/" + shown
    let contents: String
    do throws(FileFault) {
      contents = try textOfFile(path)
    } catch {
      // Only a file that was named has to exist.
      if given != nil || error != .missing {
        reading.faults.append(.unreadableFile(path: shown, reason: error.reason))
      }
      return []
    }
    let file = DotEnv(contents)
    reading.faults += file.malformed.map {
      .malformedLine(path: shown, line: $0.line, reason: $0.reason)
    }
    var seen: Set<String> = []
    for entry in file.entries {
      let origin = SettingOrigin.file(path: shown, line: entry.line)
      if !seen.insert(entry.name).inserted {
        reading.warnings.append(.repeated(entry.name, path: shown, line: entry.line))
      } else if let warning = SettingNames.warning(for: entry.name, origin: origin, anyName: true) {
        reading.warnings.append(warning)
      }
    }
    return file.values.values.map { ($0, shown) }
  }

  /// `JOINMARKET_CONFIG_FILE`, which must exist, or `config.toml` in `JOINMARKET_DATA_DIR`, which
  /// may be missing.
  private static func readConfigFile(
    in directory: String, environment: [String: String],
    file: [(entry: DotEnv.Entry, path: String)], into reading: inout SettingsReading
  ) -> [(entry: ConfigFile.Entry, path: String)] {
    func value(_ name: String) -> String? {
      let inFile = file.first { $0.entry.name == name }?.entry.value
      return [environment[name], inFile].compactMap { $0 }.first { !$0.isEmpty }
    }
    let given = value(SettingNames.configFile)
    guard let shown = given ?? value("JOINMARKET_DATA_DIR").map({ $0 + "/config.toml" }) else {
      return []
    }
    let text: String
    do throws(FileFault) {
      text = try textOfFile(shown.hasPrefix("/") ? shown : directory + "/" + shown)
    } catch {
      if given != nil || error != .missing {
        reading.faults.append(.unreadableFile(path: shown, reason: error.reason))
      }
      return []
    }
    do throws(ConfigFile.Malformed) {
      let config = try ConfigFile(text)
      if !config.withoutMeaning.isEmpty {
        reading.warnings.append(.withoutMeaning(config.withoutMeaning, path: shown))
      }
      return config.entries.map { ($0, shown) }
    } catch {
      reading.faults.append(
        .malformedConfigFile(path: shown, line: error.line, reason: error.reason))
      return []
    }
  }
}

/// One source of values, by its names of settings.
private struct SettingsLayer {
  private struct Given {
    let text: String
    let origin: SettingOrigin
  }

  private let values: [String: Given]

  init(_ flags: SettingFlags) {
    values = flags.values.mapValues { Given(text: $0.value, origin: .flag($0.flag)) }
  }

  init(environment: [String: String]) {
    values = environment.mapValues { Given(text: $0, origin: .environment) }
  }

  init(file: [(entry: DotEnv.Entry, path: String)]) {
    values = Dictionary(
      uniqueKeysWithValues: file.map { entry, path in
        let origin = SettingOrigin.file(path: path, line: entry.line)
        return (entry.name, Given(text: entry.value, origin: origin))
      })
  }

  init(config: [(entry: ConfigFile.Entry, path: String)]) {
    let pairs = config.map { entry, path in
      (entry.name, Given(text: entry.value, origin: .configFile(path: path, key: entry.key)))
    }
    values = Dictionary(pairs, uniquingKeysWith: { _, new in new })
  }

  /// Returns the name, the text and the origin of a setting in this source. Our name precedes
  /// joinmarket-ng's. An empty text counts only where it is a value.
  func find(_ row: SettingDefinition) -> (name: String, text: String, origin: SettingOrigin)? {
    for name in row.names {
      guard let given = values[name], !given.text.isEmpty || row.empty == .value else { continue }
      return (name, given.text, given.origin)
    }
    return nil
  }
}

extension [SettingsLayer] {
  fileprivate func apply(
    _ row: SettingDefinition, to settings: inout Settings, faults: inout [SettingsFault]
  ) -> SettingOrigin {
    for layer in self {
      guard let (name, text, origin) = layer.find(row) else { continue }
      if !row.apply(text, &settings) {
        faults.append(.notAllowed(name: name, value: text, allowed: row.allowed, origin: origin))
      }
      return origin
    }
    return .byDefault
  }
}

private enum FileFault: Error, Equatable {
  case missing
  case failed(Int32)
  case tooLong
  case notText

  var reason: String {
    switch self {
    case .missing: "the file does not exist"
    // Safe: strerror's text stands until the next call of it.
    case .failed(let code): unsafe String(cString: strerror(code))
    case .tooLong: "it is longer than 1 MiB"
    case .notText: "it is not UTF-8 text"
    }
  }
}

/// Reads a whole file of at most 1 MiB.
private func textOfFile(_ path: String) throws(FileFault) -> String {
  // Safe: open takes the path for the length of the call.
  // Non-blocking: a FIFO at this path must not delay the start.
  let fd = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard fd >= 0 else { throw errno == ENOENT ? .missing : .failed(errno) }
  defer { close(fd) }
  let limit = 1 << 20
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 16384)
  while true {
    // Safe: it writes no more than the chunk's length.
    let n = unsafe read(fd, &chunk, chunk.count)
    if n < 0, errno == EINTR { continue }
    if n < 0 { throw .failed(errno) }
    if n == 0 { break }
    bytes += chunk[..<n]
    if bytes.count > limit { throw .tooLong }
  }
  guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
  return text
}
