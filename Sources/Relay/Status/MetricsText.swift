import Units

/// The text of a scrape, in Prometheus' format (0.0.4) or in OpenMetrics (1.0), which differ in a
/// few words: OpenMetrics names a counter's family without `_total`, knows `info`, and ends with `#
/// EOF`. Both are written by the same calls, so their values are equal. Names and labels are ours
/// and need no escaping.
package struct MetricsText {
  package enum Format {
    case prometheus
    case openMetrics

    /// Returns the format that the `Accept` header requests. Prometheus prefers OpenMetrics; a
    /// browser requests neither.
    package init(accept: String?) {
      self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus
    }

    package var contentType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  package let format: Format
  package private(set) var bytes: [UInt8] = []

  package init(_ format: Format) {
    self.format = format
    bytes.reserveCapacity(16 << 10)
  }

  package mutating func end() {
    if format == .openMetrics { write("# EOF\n") }
  }

  /// - Parameter name: without `_total`.
  mutating func counter(_ name: String, _ help: String, _ value: Int) {
    head(name, .counter, help)
    write("\(name)_total \(value)\n")
  }

  /// In seconds.
  mutating func counter(_ name: String, _ help: String, seconds: Double) {
    head(name, .counter, help)
    write("\(name)_total \(seconds)\n")
  }

  mutating func counter(
    _ name: String, _ help: String, by label: String, _ values: [(label: String, count: Int)]
  ) {
    head(name, .counter, help)
    for value in values { write("\(name)_total{\(label)=\"\(value.label)\"} \(value.count)\n") }
  }

  mutating func gauge(_ name: String, _ help: String, _ value: Int) {
    head(name, .gauge, help)
    write("\(name) \(value)\n")
  }

  /// In seconds.
  mutating func gauge(_ name: String, _ help: String, seconds: Double) {
    head(name, .gauge, help)
    write("\(name) \(seconds)\n")
  }

  mutating func gauge(
    _ name: String, _ help: String, by label: String, _ values: [(label: String, count: Int)]
  ) {
    head(name, .gauge, help)
    for value in values { write("\(name){\(label)=\"\(value.label)\"} \(value.count)\n") }
  }

  /// - Parameter name: without `_info`.
  package mutating func info(
    _ name: String, _ help: String, _ labels: [(name: String, value: String)]
  ) {
    head(format == .openMetrics ? name : "\(name)_info", .info, help)
    let pairs = labels.map { "\($0.name)=\"\($0.value.escapedForOneLine)\"" }
    write("\(name)_info{\(pairs.joined(separator: ","))} 1\n")
  }

  /// - Parameters:
  ///   - bounds: the upper bounds of all buckets but the last one.
  ///   - counts: one for each bucket, not cumulative.
  mutating func histogram(
    _ name: String, _ help: String, bounds: [Duration], counts: [Int], sum: Duration
  ) {
    head(name, .histogram, help)
    var count = 0
    for (place, bucket) in counts.enumerated() {
      count += bucket
      let bound = place < bounds.count ? "\(bounds[place].seconds)" : "+Inf"
      write("\(name)_bucket{le=\"\(bound)\"} \(count)\n")
    }
    write("\(name)_sum \(sum.seconds)\n\(name)_count \(count)\n")
  }

  private enum Kind: String {
    case counter, gauge, histogram, info
  }

  private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    let isOld = format == .prometheus
    let family = isOld && kind == .counter ? name + "_total" : name
    write("# HELP \(family) \(help)\n")
    write("# TYPE \(family) \(isOld && kind == .info ? "gauge" : kind.rawValue)\n")
  }

  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
