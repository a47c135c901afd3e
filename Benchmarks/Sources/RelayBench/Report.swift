#if os(Linux)
  import Glibc

  /// One figure of a scenario.
  struct Measurement: Codable, Sendable {
    var scenario: String
    var name: String
    var value: Double
    var unit: String
  }

  /// Order statistics of a sample.
  struct Spread: Codable, Sendable {
    var median: Double
    var lowest: Double
    var highest: Double

    init(_ values: [Double]) {
      let sorted = values.sorted()
      lowest = sorted.first ?? 0
      highest = sorted.last ?? 0
      let middle = sorted.count / 2
      if sorted.isEmpty {
        median = 0
      } else {
        median = sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
      }
    }

    /// Returns the `p`-quantile (0…1) of a sample by nearest rank; 0 for an empty sample.
    static func percentile(_ p: Double, of values: [Int64]) -> Int64 {
      guard !values.isEmpty else { return 0 }
      let sorted = values.sorted()
      let rank = Int((p * Double(sorted.count)).rounded(.up)) - 1
      return sorted[min(max(rank, 0), sorted.count - 1)]
    }
  }

  /// Formats tables, and writes progress lines to stderr.
  enum Report {
    static func progress(_ text: String) { put(text + "\n", to: 2) }

    static func put(_ text: String, to fd: Int32) {
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        let n = rest.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
        guard n > 0 else { return }
        rest = rest.dropFirst(n)
      }
    }

    /// Returns at most four significant digits, never an exponent.
    static func number(_ value: Double) -> String {
      let size = abs(value)
      let places = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3
      return fixed(value, places)
    }

    static func fixed(_ value: Double, _ places: Int) -> String {
      guard value.isFinite, abs(value) < 1e15 else { return "-" }
      var scale = 1.0
      for _ in 0..<places { scale *= 10 }
      let scaled = Int((abs(value) * scale).rounded())
      let sign = value < 0 && scaled > 0 ? "-" : ""
      guard places > 0 else { return sign + String(scaled) }
      let fraction = String(scaled % Int(scale))
      return sign + "\(scaled / Int(scale))."
        + String(repeating: "0", count: places - fraction.utf8.count) + fraction
    }

    /// Returns a table with columns as wide as their widest cell, the first left-aligned, the
    /// others right-aligned.
    static func table(_ rows: [[String]]) -> String {
      let columns = rows.map(\.count).max() ?? 0
      let widths = (0..<columns).map { c in rows.map { c < $0.count ? $0[c].count : 0 }.max() ?? 0 }
      var text = ""
      for row in rows {
        var line = ""
        for (c, cell) in row.enumerated() {
          let space = String(repeating: " ", count: widths[c] - cell.count)
          line += (c == 0 ? cell + space : "  " + space + cell)
        }
        text += line + "\n"
      }
      return text
    }

    static func table(_ measurements: [Measurement]) -> String {
      table(
        [["scenario", "figure", "value", "unit"]]
          + measurements.map { [$0.scenario, $0.name, number($0.value), $0.unit] })
    }
  }
#endif
