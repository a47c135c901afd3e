// One figure of /metrics.

extension RelayProcess {
  /// - Parameter name: with its label, as it stands there; counters with their `_total`.
  func metric(_ name: String) throws -> Double {
    let text = try HTTP.get("/metrics", port: statusPort ?? 0).body
    for line in text.split(separator: "\n") where line.hasPrefix(name + " ") {
      if let value = Double(line.dropFirst(name.count + 1)) { return value }
    }
    throw TestFailure("no \(name) in \(text)")
  }

  /// How many connections ended for this reason.
  func closed(_ reason: String) throws -> Int {
    Int(try metric(#"jm_directory_connections_closed_total{reason="\#(reason)"}"#))
  }
}
