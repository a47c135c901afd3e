// Reads values of /metrics.

extension RelayProcess {
  /// - Parameter name: the exact name with its labels; counters end in `_total`.
  func metric(_ name: String) throws -> Double {
    let text = try HTTP.get("/metrics", port: statusPort ?? 0).body
    for line in text.split(separator: "\n") where line.hasPrefix(name + " ") {
      if let value = Double(line.dropFirst(name.count + 1)) { return value }
    }
    throw TestFailure("no \(name) in \(text)")
  }

  /// The number of connections that were closed for this reason.
  func closed(_ reason: String) throws -> Int {
    Int(try metric(#"jm_directory_connections_closed_total{reason="\#(reason)"}"#))
  }
}
