/// The log: swift-log records as single lines on stderr, for people or as JSON. The products
/// install one `LogSink` at start; SIGHUP changes its level while loggers are in use. Whatever a
/// record holds, it stays one line: everything that is not plainly visible is escaped, so a peer
/// cannot forge a record.
import Logging
import Settings
import Synchronization
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Where records go, how they look and which are wanted. Shared by all loggers of a process.
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

  /// - Parameter descriptor: stays the caller's.
  init(level: Logger.Level, format: LogFormat, descriptor: Int32) {
    threshold = Atomic(level.rank)
    self.format = format
    output = Mutex(LogOutput(descriptor))
  }

  /// The least important records that are written.
  package var level: Logger.Level {
    get { Logger.Level.allCases[threshold.load(ordering: .relaxed)] }
    set { threshold.store(newValue.rank, ordering: .relaxed) }
  }

  /// Makes every logger of the process write here. Once a process, before the first logger.
  package func bootstrap() {
    LoggingSystem.bootstrap { label in RelayLogHandler(category: label, sink: self) }
  }

  /// A logger that writes here without being the process's own.
  func logger(_ category: String) -> Logger {
    Logger(label: category, factory: { RelayLogHandler(category: $0, sink: self) })
  }

  /// Writes a line, or drops and counts it when it is not taken: a log must not stop the relay.
  package func write(_ line: String) {
    output.withLock { $0.write(line, report: report) }
  }

  /// Writes what an earlier record left over, and how many were dropped, as soon as that is taken.
  /// To be called now and then.
  func catchUp() {
    output.withLock { _ = $0.catchUp(report: report) }
  }

  /// Records that were not taken since the start.
  var dropped: Int { output.withLock { $0.dropped } }

  /// At any level: a record that is missing may be worse than a warning.
  private func report(_ count: Int) -> String {
    LogRecord(
      time: .now(), level: max(.warning, level), category: "log",
      message: "records were dropped because stderr was blocked",
      fields: ["count": "\(count)"]
    ).line(as: format)
  }
}

extension Logger.Level {
  /// Its place among all levels, trace first.
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

  /// The sink's, unless this logger was given its own.
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

/// One record, before it is text.
struct LogRecord {
  package var time: WallTime
  package var level: Logger.Level
  var category: String
  package var message: String
  package var fields: Logger.Metadata

  /// With its line feed, the only one in it.
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
      // Two members of one name would leave it to the reader which of them counts.
      let taken = ["time", "level", "category", "message"].contains(key)
      line += ",\((taken ? key + "_" : key).quotedForOneLine):\(Self.json(value))"
    }
    return line + "}\n"
  }

  /// Always in the same order, so that lines can be compared.
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

/// A point on the calendar, to the millisecond, in UTC.
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

  /// RFC 3339, as in `2026-01-02T03:04:05.678Z`.
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
