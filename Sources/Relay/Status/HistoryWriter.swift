/// Writes one of the two histories as JSON, a column at a time, so that a week never holds the loop:
/// `{"step_seconds": 10, "peers": […], "deliveries": […], …}`, oldest first. All columns are as they were when writing began.
final class HistoryWriter {
  private typealias Column = (name: String, value: @Sendable (History.Sample) -> Int)

  private static let columns: [Column] = [
    ("peers", { Int($0.peers) }), ("pending", { Int($0.pending) }), ("backlog", { $0.backlog }),
    ("deliveries", { $0.deliveries }), ("sent_bytes", { $0.bytesOut }),
    ("opened", { Int($0.opened) }), ("closed", { Int($0.closed) }),
    ("dropped", { Int($0.dropped) }), ("lag_microseconds", { Int($0.lag) }),
  ]

  private let ring: History.Ring
  private let stepSeconds: Int
  private var column = -1

  package init(_ ring: History.Ring, step: Duration) {
    self.ring = ring
    stepSeconds = Int(step.seconds)
  }

  package convenience init(hourOf history: History) { self.init(history.hour, step: History.step) }

  package convenience init(weekOf history: History) {
    self.init(history.week, step: History.step * History.stepsPerLongStep)
  }

  /// The next part, or `nil` after the last.
  package func next() -> [UInt8]? {
    defer { column += 1 }
    if column < 0 { return Array("{\"step_seconds\": \(stepSeconds)".utf8) }
    guard column < Self.columns.count else {
      return column == Self.columns.count ? Array("}\n".utf8) : nil
    }
    let (name, value) = Self.columns[column]
    let numbers = (0..<ring.count).map { String(value(ring[$0])) }
    return Array(", \"\(name)\": [\(numbers.joined(separator: ","))]".utf8)
  }
}
