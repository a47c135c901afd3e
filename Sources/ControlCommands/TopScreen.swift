/// What `top` shows, as lines of text: pure, so that it is tested without a terminal. It fits 80 by 24 whatever the numbers are.
import Status

struct TopScreen {
  /// Two answers and the time between them; the rates come from their difference.
  struct Reading {
    let now: RelaySummary
    let before: RelaySummary?
    let seconds: Double

    /// Of a total, a second; `nil` after the first answer and after a restart.
    func rate(_ total: (RelaySummary) -> Double) -> Double? {
      guard let before, before.startTime == now.startTime, seconds > 0 else { return nil }
      return (total(now) - total(before)) / seconds
    }

    var deliveries: Double? { rate { Double($0.deliveries) } }
  }

  var width = 80
  var height = 24
  var hasColours = false
  /// Bars are drawn with characters that not every terminal knows.
  var hasBars = false

  func lines(_ reading: Reading, at place: String, past: [Double]) -> [String] {
    let now = reading.now
    var lines = [
      "jm-directory-ctl top   \(place)   \(now.network.escapedWord)   \(now.version.escapedWord)   up \(Text.span(now.uptime))",
      state(now), "",
    ]
    lines += numbers(reading)
    if hasBars { lines.append(row("", bars(past))) }
    lines.append("")
    lines += tables(now, height: height - lines.count - 2)
    return fit(lines) + ["q quits"]
  }

  /// When there is no answer.
  func lines(failure: String, at place: String) -> [String] {
    fit(["jm-directory-ctl top   \(place)", coloured("UNREACHABLE", .red), failure]) + ["q quits"]
  }

  /// The same in one line, for a file or a pipe.
  static func line(_ reading: Reading) -> String {
    let now = reading.now
    return [
      "healthy=\(now.healthy)", "peers=\(now.peers)", "active=\(now.activePeers)",
      "pending=\(now.pending)", "offers=\(now.offers)",
      "deliveries_per_second=\(reading.deliveries.map { Text.tenths($0) } ?? "-")",
      "lag_p99_ms=\(Text.tenths(now.lagP99))", "backlog_bytes=\(now.backlog)",
      "memory_bytes=\(now.memory)",
    ].joined(separator: " ")
  }

  // MARK: Parts

  private func state(_ now: RelaySummary) -> String {
    let faults = now.faults.map(\.escapedWord).joined(separator: ", ")
    if !now.healthy { return coloured("UNHEALTHY", .red) + "  " + faults }
    return now.full ? coloured("FULL", .yellow) : coloured("HEALTHY", .green)
  }

  private func numbers(_ reading: Reading) -> [String] {
    let now = reading.now
    func a(_ rate: Double?) -> String { rate.map { Text.many(Text.whole($0)) + "/s" } ?? "-" }
    func bytes(_ rate: Double?) -> String { rate.map { Text.bytes(Text.whole($0)) + "/s" } ?? "-" }
    let cpu = reading.rate { $0.cpuSeconds }.map { Text.tenths($0 * 100) + " %" } ?? "-"
    return [
      row(
        "peers",
        "\(Text.many(now.peers)) of \(Text.many(now.maxPeers))   active \(Text.many(now.activePeers))   "
          + "passive \(Text.many(now.passivePeers))   verified \(Text.many(now.verifiedPeers))"),
      row(
        "handshakes",
        "\(Text.many(now.pending)) under way   offers \(Text.many(now.offers)) of \(Text.many(now.peersWithOffers)) peers"
      ),
      row(
        "received",
        "\(a(reading.rate { Double($0.framesReceived) })) frames   \(bytes(reading.rate { Double($0.bytesReceived) }))"
      ),
      row(
        "sent",
        "\(a(reading.rate { Double($0.framesSent) })) frames   \(bytes(reading.rate { Double($0.bytesSent) }))"
      ),
      row(
        "loop lag", "p99 \(Text.tenths(now.lagP99)) ms   worst \(Text.tenths(now.worstLag)) ms"),
      row(
        "unread",
        "\(Text.bytes(now.backlog)) by \(Text.many(now.laggingPeers)) peers   largest \(Text.bytes(now.largestBacklog))"
      ),
      row("process", "\(Text.bytes(now.memory))   CPU \(cpu)"),
      row("deliveries", a(reading.deliveries)),
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

  private func row(_ title: String, _ text: String) -> String {
    Text.padded(title, to: 12) + text
  }

  private func bars(_ past: [Double]) -> String {
    let signs = Array("▁▂▃▄▅▆▇█")
    let most = past.max() ?? 0
    return String(
      past.suffix(max(0, width - 12)).map {
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
    // The coloured line is the state: short, and its marks take no room.
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

  /// The nearest whole number within a quadrillion: what an endpoint answers may be any number.
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
  /// A word from the relay without anything that a terminal would act on.
  fileprivate var escapedWord: String {
    String(unicodeScalars.filter { (" "..."~").contains($0) }.map(Character.init))
      .replacing("_", with: self == uppercased() ? "_" : " ")
  }
}
