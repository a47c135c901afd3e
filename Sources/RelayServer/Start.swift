/// Starts the relay from its settings. The log is set up here, before anything is logged.
import Logging
import Service
import Settings

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// - Parameter reread: reads the settings anew, for SIGHUP.
/// - Returns: the exit code.
func start(
  _ settings: Settings, warnings: [SettingsWarning],
  reread: @escaping @Sendable () -> SettingsReading
) -> Int32 {
  let sink = LogSink(level: settings.logLevel, format: settings.logFormat)
  sink.bootstrap()
  let log = Logger(label: "settings")
  for warning in warnings { log.warning("\(warning)") }
  for change in settings.differences(from: Settings()) {
    log.info("not the default", metadata: ["\(change.definition.name)": "\(change.newForLog)"])
  }
  return RelayService.run(settings, log: sink, reread: reread).rawValue
}

/// Writes a line to stderr for the user of the command, before there is a log.
func printError(_ lines: [String]) {
  for line in lines {
    let text = line + "\n"
    // Safe: the text stays where it is during the call. There is nobody to tell when stderr fails.
    _ = unsafe text.utf8.withContiguousStorageIfAvailable {
      unsafe write(2, $0.baseAddress, $0.count)
    }
  }
}
