/// The screen of `top` as lines of text, without a terminal, so that tests can read it. It fits 80
/// by 24 with any numbers.
import Status

struct TopScreen {
  /// Two answers and the time between them; the rates come from their difference.
  struct Reading {
    let now: RelaySummary
    let before: RelaySummary?
    let seconds: Double

    /// Returns the rate of a total a second; `nil` after the first answer and after a restart.
    func rate(_ total: (RelaySummary) -> Double) -> Double? {
      guard let before, before.startTime == now.startTime, seconds > 0 else { return nil }
      return (total(now) - total(before)) / seconds
    }

    var deliveries: Double? { rate { Double($0.deliveries) } }
  }

  var width = 80
  var height = 24
  var hasColours = false
  /// Not every terminal knows the characters of the bars.
  var hasBars = false

  /// - Parameter clock: seconds since 1970.
  func lines(_ reading: Reading, at place: String, past: [Double], clock: Double) -> [String] {
    let now = reading.now
    var lines = [
      "JoinMarket directory node   \(place)   \(now.network.escapedWord)   "
        + now.version.escapedWord,
      state(now, clock), "",
    ]
    lines += groups(reading)
    if hasBars { lines.append(row("deliveries", bars(past))) }
    lines.append("")
    lines += tables(now, height: height - lines.count - 2)
    return fit(lines) + ["q quits"]
  }

  /// The screen when the relay does not answer.
  func lines(failure: String, at place: String) -> [String] {
    fit(["JoinMarket directory node   \(place)", coloured("UNREACHABLE", .red), failure]) + [
      "q quits"
    ]
  }

  /// The summary in one line, for a file or a pipe.
  static func line(_ reading: Reading) -> String {
    let now = reading.now
    return [
      "healthy=\(now.healthy)", "peers=\(now.peers)", "active=\(now.activePeers)",
      "makers=\(now.peersWithOffers)", "pending=\(now.pending)", "offers=\(now.offers)",
      "deliveries_per_second=\(reading.deliveries.map { Text.tenths($0) } ?? "-")",
      "lag_p99_ms=\(Text.tenths(now.lagP99))", "backlog_bytes=\(now.backlog)",
      "memory_bytes=\(now.memory)", "limiting=\(now.limiting.count)",
    ].joined(separator: " ")
  }

  // MARK: Parts

  private func state(_ now: RelaySummary, _ clock: Double) -> String {
    func list(_ names: [String]) -> String { names.map(\.escapedWord).joined(separator: ", ") }
    let (word, colour, reason) =
      if !now.healthy {
        ("UNHEALTHY", Colour.red, list(now.faults))
      } else if now.full {
        ("FULL", .yellow, list(now.limiting))
      } else if !now.limiting.isEmpty {
        ("LIMITING", .yellow, list(now.limiting))
      } else {
        ("HEALTHY", .green, "")
      }
    let since = "for \(Text.span(clock - now.stateSince))   up \(Text.span(now.uptime))"
    let room = max(0, width - word.count - since.count - 5)
    return coloured(word, colour) + "  " + since + "   " + reason.prefix(room)
  }

  private func groups(_ reading: Reading) -> [String] {
    let now = reading.now
    func many(_ rate: Double?) -> String { rate.map { Text.many(Text.whole($0)) + "/s" } ?? "-" }
    func bytes(_ rate: Double?) -> String { rate.map { Text.bytes(Text.whole($0)) + "/s" } ?? "-" }
    let cpu = reading.rate { $0.cpuSeconds }.map { Text.tenths($0 * 100) + " %" } ?? "-"
    let others = now.peers.subtractingReportingOverflow(now.peersWithOffers).partialValue
    return [
      row(
        "peers", "\(Text.many(now.peers)) of \(Text.many(now.maxPeers))",
        "makers \(Text.many(now.peersWithOffers))", "takers and watchers \(Text.many(others))"),
      row(
        "", "verified \(Text.many(now.verifiedPeers))", "quiet \(Text.many(now.quietPeers))",
        "pending \(Text.many(now.pending)) of \(Text.many(now.maxPending))"),
      row(
        "", "offers \(Text.many(now.offers))",
        now.circuits.map { "circuits \(Text.many($0))" } ?? ""),
      row(
        "traffic", "lines \(many(reading.rate { Double($0.framesReceived) }))",
        "deliveries \(many(reading.deliveries))",
        "loop delay p99 \(Text.tenths(now.lagP99)) ms"),
      row(
        "", "in \(bytes(reading.rate { Double($0.bytesReceived) }))",
        "out \(bytes(reading.rate { Double($0.bytesSent) }))",
        "longest \(Text.tenths(now.worstLag)) ms"),
      row(
        "pressure", "backlog \(Text.bytes(now.backlog))", "of \(Text.bytes(now.maxBacklog))",
        "largest \(Text.bytes(now.largestBacklog))"),
      row(
        "", "slow readers \(Text.many(now.slowReaders))",
        "limits in force \(now.limiting.isEmpty ? "none" : Text.many(now.limiting.count))"),
      row(
        "machine", "memory \(Text.bytes(now.memory))", "CPU \(cpu)",
        "descriptors \(Text.many(now.descriptors)) of \(Text.many(now.maxDescriptors))"),
    ]
  }

  private func tables(_ now: RelaySummary, height: Int) -> [String] {
    let columns = [
      ("closed", now.closed), ("limits hit", now.limits), ("dropped", now.dropped),
    ]
    let size = width / columns.count
    let cells = columns.map { title, counts in
      [title]
        + counts.sorted { $0.count > $1.count }.map { entry in
          let count = Text.many(entry.count)
          let name = entry.name.escapedWord.prefix(max(0, size - count.count - 3))
          let gap = max(1, size - 2 - name.count - count.count)
          return name + String(repeating: " ", count: gap) + count
        }
    }
    let most = cells.map(\.count).max() ?? 0
    return (0..<max(0, min(most, height))).map { line in
      cells.map { column in
        Text.padded(line < column.count ? column[line] : "", to: size)
      }.joined()
    }
  }

  /// Returns a title and cells in fixed columns, as many as fit.
  private func row(_ title: String, _ cells: String...) -> String {
    let padded = cells.dropLast().map { Text.padded($0, to: 19) + " " }
    return Text.padded(title, to: 11) + padded.joined() + (cells.last ?? "")
  }

  private func bars(_ past: [Double]) -> String {
    let signs = Array("▁▂▃▄▅▆▇█")
    let most = past.max() ?? 0
    return String(
      past.suffix(max(0, width - 11)).map {
        most <= 0 ? signs[0] : signs[min(7, max(0, Text.whole($0 / most * 7)))]
      })
  }

  private enum Colour: Int {
    case red = 31
    case green = 32
    case yellow = 33
  }

  private func coloured(_ text: String, _ colour: Colour) -> String {
    hasColours ? "\u{1b}[1;\(colour.rawValue)m\(text)\u{1b}[0m" : text
  }

  private func fit(_ lines: [String]) -> [String] {
    // Only the short state line has colours. Their escape codes take no columns.
    lines.prefix(max(0, height - 2)).map { $0.contains("\u{1b}") ? $0 : String($0.prefix(width)) }
  }
}

/// Numbers for people.
enum Text {
  /// `1,234,567`.
  static func many(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = number < 0 ? "-" : ""
    for (place, digit) in digits.enumerated() {
      if place > 0, (digits.count - place) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }

  /// The nearest whole number, limited to a quadrillion: an endpoint may answer any number.
  static func whole(_ number: Double) -> Int {
    number.isNaN ? 0 : Int(min(max(number, -1e15), 1e15).rounded())
  }

  static func tenths(_ number: Double) -> String {
    let tenths = whole(number * 10)
    return "\(tenths / 10)" + (tenths % 10 == 0 ? "" : ".\(abs(tenths % 10))")
  }

  static func bytes(_ count: Int) -> String {
    var rest = Double(count)
    for unit in ["B", "KiB", "MiB"] {
      if rest < 1_024 { return tenths(rest) + " " + unit }
      rest /= 1_024
    }
    return tenths(rest) + " GiB"
  }

  /// The two largest parts: `3d 4h`.
  static func span(_ seconds: Double) -> String {
    let whole = min(max(0, whole(seconds)), 1_000_000_000_000)
    let parts = [
      (whole / 86400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s"),
    ]
    let shown = parts.drop { $0.0 == 0 }.prefix(2).map { "\($0.0)\($0.1)" }
    return shown.isEmpty ? "0s" : shown.joined(separator: " ")
  }

  static func padded(_ text: some StringProtocol, to width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

extension String {
  /// Returns a word from the relay without characters that control a terminal.
  fileprivate var escapedWord: String {
    String(unicodeScalars.filter { (" "..."~").contains($0) }.map(Character.init))
      .replacing("_", with: self == uppercased() ? "_" : " ")
  }
}
