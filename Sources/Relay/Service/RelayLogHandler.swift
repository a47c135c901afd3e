/// The log: swift-log records as single lines on stderr, for people or as JSON. The programs
/// install one `LogSink` at the start. SIGHUP changes its level while loggers are in use. A record
/// is always one line: everything that is not a visible character is escaped, so a peer cannot
/// forge a record.
import Logging
import Settings
import Synchronization
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The output, format and level of records. All loggers of a process share it.
package final class LogSink: Sendable {
  private let threshold: Atomic<Int>
  package let format: LogFormat
  private let output: Mutex<LogOutput>

  /// Writes to standard error.
  package init(level: Logger.Level, format: LogFormat) {
    threshold = Atomic(level.rank)
    self.format = format
    output = Mutex(.standardError())
  }

  /// - Parameter descriptor: still owned by the caller.
  init(level: Logger.Level, format: LogFormat, descriptor: Int32) {
    threshold = Atomic(level.rank)
    self.format = format
    output = Mutex(LogOutput(descriptor))
  }

  /// The lowest level that is written.
  package var level: Logger.Level {
    get { Logger.Level.allCases[threshold.load(ordering: .relaxed)] }
    set { threshold.store(newValue.rank, ordering: .relaxed) }
  }

  /// Makes all loggers of the process write here. Call it once, before the first logger.
  package func bootstrap() {
    LoggingSystem.bootstrap { label in RelayLogHandler(category: label, sink: self) }
  }

  /// Returns a logger that writes here.
  func logger(_ category: String) -> Logger {
    Logger(label: category, factory: { RelayLogHandler(category: $0, sink: self) })
  }

  /// Writes a line, or drops and counts it when the output does not take it: a log must not stop
  /// the relay.
  package func write(_ line: String) {
    output.withLock { $0.write(line, report: report) }
  }

  /// Writes the rest of an earlier record and the number of dropped ones, if the output takes them.
  /// Called regularly.
  func catchUp() {
    output.withLock { _ = $0.catchUp(report: report) }
  }

  /// Dropped records since the start.
  var dropped: Int { output.withLock { $0.dropped } }

  /// Logged at any level: a dropped record may be more important than a warning.
  private func report(_ count: Int) -> String {
    LogRecord(
      time: .now(), level: max(.warning, level), category: "log",
      message: "records were dropped because stderr was blocked",
      fields: ["count": "\(count)"]
    ).line(as: format)
  }
}

extension Logger.Level {
  /// Its position among all levels, trace first.
  fileprivate var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

struct RelayLogHandler: LogHandler {
  package var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private let category: String
  private let sink: LogSink
  private var ownLevel: Logger.Level?

  package init(category: String, sink: LogSink) {
    self.category = category
    self.sink = sink
  }

  /// The sink's level, unless this logger has its own.
  package var logLevel: Logger.Level {
    get { ownLevel ?? sink.level }
    set { ownLevel = newValue }
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var fields = metadata
    if let provided = metadataProvider?.get() { fields.merge(provided) { _, new in new } }
    if let own = event.metadata { fields.merge(own) { _, new in new } }
    if let error = event.error { fields["error"] = "\(error)" }
    let record = LogRecord(
      time: .now(), level: event.level, category: category, message: event.message.description,
      fields: fields)
    sink.write(record.line(as: sink.format))
  }
}

/// One record before it is formatted.
struct LogRecord {
  package var time: WallTime
  package var level: Logger.Level
  var category: String
  package var message: String
  package var fields: Logger.Metadata

  /// The record as text, which ends with its only line feed.
  package func line(as format: LogFormat) -> String {
    switch format {
    case .text: textLine
    case .json: jsonLine
    }
  }

  private var textLine: String {
    var line =
      "\(time) \(level.rawValue) \(category.escapedForOneLine): \(message.escapedForOneLine)"
    for (key, value) in sortedFields {
      line += " \(key.escapedForOneLine)=\(value.description.wordForOneLine)"
    }
    return line + "\n"
  }

  private var jsonLine: String {
    var line = "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\""
    line += ",\"category\":\(category.quotedForOneLine),\"message\":\(message.quotedForOneLine)"
    for (key, value) in sortedFields {
      // Two members with one name are ambiguous.
      let taken = ["time", "level", "category", "message"].contains(key)
      line += ",\((taken ? key + "_" : key).quotedForOneLine):\(Self.json(value))"
    }
    return line + "}\n"
  }

  /// Sorted, so that lines can be compared.
  private var sortedFields: [(key: String, value: Logger.Metadata.Value)] {
    fields.sorted { $0.key < $1.key }
  }

  private static func json(_ value: Logger.Metadata.Value) -> String {
    switch value {
    case .array(let items): "[" + items.map(json).joined(separator: ",") + "]"
    case .dictionary(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { "\($0.key.quotedForOneLine):\(json($0.value))" }
        .joined(separator: ",") + "}"
    default: value.description.quotedForOneLine
    }
  }
}

/// A date and time in UTC, to the millisecond.
///
/// Safe: the system fills in a value of the type that it is given. `tm` has a pointer, which is not
/// used.
struct WallTime: CustomStringConvertible {
  /// Milliseconds since 1970.
  package var milliseconds: Int64

  package static func now() -> WallTime {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }

  /// Returns the time as in RFC 3339, for example `2026-01-02T03:04:05.678Z`.
  package var description: String {
    var seconds = time_t(milliseconds / 1000)
    var date = unsafe tm()
    unsafe gmtime_r(&seconds, &date)
    let (year, month, dayOfMonth) = unsafe (date.tm_year + 1900, date.tm_mon + 1, date.tm_mday)
    let (hour, minute, second) = unsafe (date.tm_hour, date.tm_min, date.tm_sec)
    let day = "\(padded(year, 4))-\(padded(month, 2))-\(padded(dayOfMonth, 2))"
    let clock = "\(padded(hour, 2)):\(padded(minute, 2)):\(padded(second, 2))"
    return "\(day)T\(clock).\(padded(Int32(milliseconds % 1000), 3))Z"
  }

  private func padded(_ n: Int32, _ width: Int) -> String {
    let digits = "\(n)"
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
