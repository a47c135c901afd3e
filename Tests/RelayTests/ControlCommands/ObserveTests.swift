/// Output for operators: the screen of `top`, and the manual pages, which must equal what the
/// products print.
import Foundation
import Status
import Testing

@testable import ControlCommands
@testable import RelayServer

@Suite("Output for operators")
struct ObserveTests {
  static func summary(
    peers: Int = 1_234, faults: String = "", limiting: String = "", deliveries: Int = 5_000
  ) throws
    -> RelaySummary
  {
    let reasons = (0..<40).map { #"{"name": "reason_number_\#($0)", "count": \#($0 * 1_000_000)}"# }
    let counts = "[" + reasons.joined(separator: ",") + "]"
    let json = """
      {"version": "0.1.0", "network": "mainnet", "startTime": 1700000000.5, "uptime": 93784.5,
       "healthy": \(faults.isEmpty), "full": false, "faults": [\(faults)],
       "limiting": [\(limiting)], "stateSince": 1700000100, "activePeers": \(peers),
       "passivePeers": 0, "verifiedPeers": 12, "quietPeers": 4, "maxPeers": 10000,
       "circuits": 321, "pending": 3,
       "maxPending": 1000, "offers": 99,
       "peersWithOffers": 88, "deliveries": \(deliveries), "framesReceived": 10, "framesSent": 20,
       "bytesReceived": 30, "bytesSent": 40, "connectionsOpened": 50, "peerlists": 6, "backlog": 7,
       "maxBacklog": 536870912, "largestBacklog": 7, "laggingPeers": 1, "slowReaders": 0,
       "lagP99": 5, "worstLag": 18.75, "cpuSeconds": 1.5,
       "memory": 23068672, "descriptors": 45, "maxDescriptors": 20000, "closed": \(counts),
       "limits": [], "dropped": \(counts), "rejected": []}
      """
    return try JSONDecoder().decode(RelaySummary.self, from: Data(json.utf8))
  }

  @Test("top's screen fits its terminal, whatever the numbers are", arguments: [80, 40, 200])
  func fits(_ width: Int) throws {
    var screen = TopScreen()
    screen.width = width
    screen.hasBars = true
    let summary = try Self.summary(peers: .max / 4)
    let lines = screen.lines(
      .init(now: summary, before: summary, seconds: 1), at: "127.0.0.1:8080",
      past: (0..<500).map(Double.init), clock: 1_700_000_200)
    #expect(lines.count <= 24 && lines.allSatisfy { $0.count <= width })
    #expect(lines.last == "q quits")
  }

  @Test("rates are differences over the elapsed time; after a restart there are none")
  func rates() throws {
    let before = try Self.summary()
    let now = try Self.summary(deliveries: 9_000)
    #expect(TopScreen.Reading(now: now, before: before, seconds: 2).deliveries == 2_000)
    #expect(TopScreen.Reading(now: now, before: nil, seconds: 2).deliveries == nil)
    var restarted = now
    restarted.startTime += 1
    #expect(TopScreen.Reading(now: restarted, before: before, seconds: 2).deliveries == nil)
  }

  @Test("colours are used only when asked for, and faults are named")
  func colours() throws {
    let summary = try Self.summary(faults: #""loop_stalled""#)
    var screen = TopScreen()
    let reading = TopScreen.Reading(now: summary, before: nil, seconds: 0)
    let plain = screen.lines(reading, at: "x", past: [], clock: 1_700_000_200)
    #expect(plain[1] == "UNHEALTHY  for 1m 40s   up 1d 2h   loop stalled")
    #expect(!plain.joined().contains("\u{1b}"))
    screen.hasColours = true
    let coloured = screen.lines(reading, at: "x", past: [], clock: 1_700_000_200)
    #expect(coloured[1].hasPrefix("\u{1b}[1;31m"))
  }

  @Test("top names the limits in force, and shows the groups of the page in 80 columns")
  func groups() throws {
    let summary = try Self.summary(limiting: #""MAX_PENDING", "evicting""#)
    let lines = TopScreen().lines(
      .init(now: summary, before: summary, seconds: 1), at: "127.0.0.1:8080", past: [],
      clock: 1_700_000_200)
    #expect(lines[1] == "LIMITING  for 1m 40s   up 1d 2h   MAX_PENDING, evicting")
    let titles = lines[3...].map { $0.prefix(11).trimmingCharacters(in: .whitespaces) }
    #expect(titles.filter { !$0.isEmpty }.prefix(4) == ["peers", "traffic", "pressure", "machine"])
    let shown = lines.joined(separator: "\n")
    for part in [
      "1,234 of 10,000", "makers 88", "takers and watchers 1,146", "verified 12", "quiet 4",
      "pending 3 of 1,000", "circuits 321", "deliveries 0/s", "loop delay p99 5 ms",
      "of 512 MiB", "slow readers 0", "limits in force 2", "memory 22 MiB", "CPU 0 %",
      "descriptors 45 of 20,000",
    ] {
      #expect(shown.contains(part), "\(part)")
    }
    #expect(lines.allSatisfy { $0.count <= 80 } && lines.count <= 24)
  }

  @Test("numbers read well")
  func numbers() {
    #expect(Text.many(0) == "0" && Text.many(1_234_567) == "1,234,567" && Text.many(-999) == "-999")
    #expect(Text.bytes(1_536) == "1.5 KiB" && Text.bytes(0) == "0 B")
    #expect(Text.span(93_784.5) == "1d 2h" && Text.span(0.2) == "0s")
    #expect(Text.tenths(18.75) == "18.8")
  }

  @Test("metrics as JSON keep the names with their labels and omit comments")
  func json() throws {
    let text = "# HELP a b\na 1\nb{c=\"d e\"} 2.5\nn NaN\n"
    let object = try JSONSerialization.jsonObject(with: Data(MetricsLines.json(of: text).utf8))
    #expect(object as? [String: Double] == ["a": 1, #"b{c="d e"}"#: 2.5])
  }

  @Test(
    "the committed manual pages are what the products print",
    arguments: [
      ("jm-directory-server.8", DirectoryServer.manual.text),
      ("jm-directory-ctl.1", DirectoryControl.manual.text),
    ])
  func manuals(_ file: String, _ text: String) throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../man/\(file)").standardizedFileURL
    #expect(try String(contentsOf: path, encoding: .utf8) == text, "run: Scripts/update-manuals")
  }
}
