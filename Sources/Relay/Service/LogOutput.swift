import EventLoop
import Units

/// Writes log lines to a descriptor and never waits for its reader.
///
/// A line that is not taken is dropped and counted. The kernel may take the beginning of a line
/// that is longer than PIPE_BUF: the rest is kept and goes out before anything else, so no reader
/// finds part of a line with another behind it.
struct LogOutput: ~Copyable {
  private let output: NonBlockingOutput
  private var rest: [UInt8] = []
  /// Lines that were not taken since the last report of them.
  private(set) var unreported = 0
  /// Lines that were not taken since the start.
  private(set) var dropped = 0

  /// Writes to `descriptor`, which stays the caller's.
  init(_ descriptor: Int32) { output = NonBlockingOutput(borrowing: descriptor) }

  private init(_ output: consuming NonBlockingOutput) { self.output = output }

  static func standardError() -> LogOutput { LogOutput(.standardError()) }

  /// Writes one line, or counts it as dropped.
  /// - Parameter report: makes the line that tells how many were dropped before this one.
  mutating func write(_ line: String, report: (Int) -> String) {
    if !catchUp(report: report) || !put(line) {
      unreported += 1
      dropped += 1
    }
  }

  /// Writes what is left of a line, and tells of those that were dropped.
  /// - Returns: false while that is not taken.
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
