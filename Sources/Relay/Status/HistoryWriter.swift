import Units

/// Writes one of the histories as JSON, one column a turn, so that a week does not delay the event
/// loop: `{"step_seconds": 10, "end": 1700000000.5, "peers": […], "deliveries": […], …}`, oldest
/// first. `end` is the time of the newest sample, in seconds since 1970. All columns are as they
/// were when writing began.
final class HistoryWriter {
  private typealias Column = (name: String, value: @Sendable (History.Sample) -> Int)

  private static let columns: [Column] = [
    ("peers", { Int($0.peers) }), ("makers", { Int($0.makers) }),
    ("pending", { Int($0.pending) }), ("backlog", { $0.backlog }),
    ("slow_readers", { Int($0.slowReaders) }), ("limiting", { Int($0.limiting) }),
    ("received", { $0.received }), ("deliveries", { $0.deliveries }),
    ("sent_bytes", { $0.bytesOut }), ("opened", { Int($0.opened) }),
    ("closed", { Int($0.closed) }), ("dropped", { Int($0.dropped) }),
    ("lag_microseconds", { Int($0.lag) }), ("memory_bytes", { $0.memory }),
    ("cpu_microseconds", { Int($0.cpu) }), ("descriptors", { Int($0.descriptors) }),
  ]

  private let ring: History.Ring
  private var column = -1

  package init(_ ring: History.Ring) { self.ring = ring }

  /// The next part, or `nil` after the last.
  package func next() -> [UInt8]? {
    defer { column += 1 }
    if column < 0 {
      return Array("{\"step_seconds\": \(Int(ring.step.seconds)), \"end\": \(ring.end)".utf8)
    }
    guard column < Self.columns.count else {
      return column == Self.columns.count ? Array("}\n".utf8) : nil
    }
    let (name, value) = Self.columns[column]
    let numbers = (0..<ring.count).map { String(value(ring[$0])) }
    return Array(", \"\(name)\": [\(numbers.joined(separator: ","))]".utf8)
  }
}
