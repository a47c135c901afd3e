/// From settings to a running relay: the log is set up here, before anything is logged.
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

/// Lines on stderr for the one who typed the command, before there is a log.
func printError(_ lines: [String]) {
  for line in lines {
    let text = line + "\n"
    // Nobody is left to tell when stderr is gone.
    _ = text.utf8.withContiguousStorageIfAvailable { write(2, $0.baseAddress, $0.count) }
  }
}
