import EventLoop
import Units

/// Writes log lines to a descriptor and never waits for its reader.
///
/// A line that the descriptor does not take is dropped and counted. The kernel may take only the
/// beginning of a line longer than PIPE_BUF. The rest is kept and written before anything else, so
/// a reader never finds an incomplete line.
struct LogOutput: ~Copyable {
  private let output: NonBlockingOutput
  private var rest: [UInt8] = []
  /// Dropped lines since the last report.
  private(set) var unreported = 0
  /// Dropped lines since the start.
  private(set) var dropped = 0

  /// Writes to `descriptor`, which the caller still owns.
  init(_ descriptor: Int32) { output = NonBlockingOutput(borrowing: descriptor) }

  private init(_ output: consuming NonBlockingOutput) { self.output = output }

  static func standardError() -> LogOutput { LogOutput(.standardError()) }

  /// Writes one line, or counts it as dropped.
  /// - Parameter report: returns the line with the number of lines dropped before this one.
  mutating func write(_ line: String, report: (Int) -> String) {
    if !catchUp(report: report) || !put(line) {
      unreported += 1
      dropped += 1
    }
  }

  /// Writes the rest of a line and the report of dropped lines.
  /// - Returns: false while the descriptor does not take it.
  @discardableResult
  mutating func catchUp(report: (Int) -> String) -> Bool {
    if !rest.isEmpty {
      let taken = rest.withView { output.write($0) }
      rest.removeFirst(taken)
      guard rest.isEmpty else { return false }
    }
    guard unreported > 0 else { return true }
    guard put(report(unreported)) else { return false }
    unreported = 0
    return rest.isEmpty
  }

  private mutating func put(_ line: String) -> Bool {
    let bytes = Array(line.utf8)
    let taken = bytes.withView { output.write($0) }
    if taken > 0 { rest = Array(bytes[taken...]) }
    return taken > 0
  }
}
