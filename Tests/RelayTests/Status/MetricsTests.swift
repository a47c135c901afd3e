/// The relay's metrics: the text formats, the counts, and the data that must never be in them.
import Foundation
import Testing
import Units

@testable import Directory
@testable import EventLoop
@testable import Identity
@testable import Server
@testable import Settings
@testable import Status
@testable import Wire

/// A node without sockets. Tests put peers into its directory by hand.
private final class QuietNode {
  let node: DirectoryNode
  let status: RelayStatus
  private var decoder = FrameDecoder(maxNesting: 10)

  init() throws {
    var settings = Settings()
    settings.network = .regtest
    node = DirectoryNode(loop: try EventLoop(), settings: settings, nick: RelayIdentity.generate())
    status = RelayStatus(of: node)
  }

  @discardableResult
  func join(_ nick: String, at location: String = "NOT-SERVING-ONION", features: String = "{}")
    throws -> PeerID
  {
    let id = try #require(node.directory.connect(at: node.loop.now, into: &node.actions))
    try send(
      793,
      #"{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": "#
        + #"\"\#(location)\", "#
        + #"\"proto-ver\": 5, \"features\": "#
        + #"\#(features), \"nick\": \"\#(nick)\", \"network\": \"regtest\"}"#,
      from: id)
    return id
  }

  func send(_ code: Int, _ line: String, from id: PeerID) throws {
    let bytes = Array("{\"type\": \(code), \"line\": \"\(line)\"}".utf8)
    try bytes.withView { bytes in
      try decoder.withFrame(bytes) { frame in
        node.directory.receive(frame, from: id, at: node.loop.now, into: &node.actions)
        node.actions.removeAll()
      }
    }
  }

  func text(_ format: MetricsText.Format = .prometheus) -> String {
    String(decoding: Metrics.text(of: status, format), as: UTF8.self)
  }

  func sample(_ name: String) -> Int? {
    text().split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .flatMap { Int($0.dropFirst(name.count + 1)) }
  }
}

@Suite("Metrics")
struct MetricsTests {
  static let nick = "J5aaaaaaaaaaaaaa"

  @Test("peers, features, offers and frames are counted in the right samples")
  func counts() throws {
    let quiet = try QuietNode()
    let maker = try quiet.join(
      Self.nick, at: "maker.example:5222", features: #"{\"ping\": true}"#)
    try quiet.join("J5bbbbbbbbbbbbbb")
    try quiet.join("J5cccccccccccccc")
    try quiet.send(687, "\(Self.nick)!PUBLIC!sw0reloffer 0 1 2 3 4", from: maker)
    try quiet.send(687, "J5bbbbbbbbbbbbbb!PUBLIC!!orderbook", from: maker)
    try quiet.send(4321, "", from: maker)
    #expect(quiet.sample(#"jm_directory_peers{role="active"}"#) == 1)
    #expect(quiet.sample(#"jm_directory_peers{role="passive"}"#) == 2)
    #expect(quiet.sample(#"jm_directory_peers_with_feature{feature="ping"}"#) == 1)
    #expect(quiet.sample(#"jm_directory_peers_with_feature{feature="none"}"#) == 2)
    #expect(quiet.sample("jm_directory_offers") == 1)
    #expect(quiet.sample(#"jm_directory_handshakes_total{outcome="accepted"}"#) == 3)
    #expect(quiet.sample(#"jm_directory_frames_received_total{type="pubmsg"}"#) == 2)
    #expect(quiet.sample(#"jm_directory_frames_received_total{type="other"}"#) == 1)
    #expect(quiet.sample(#"jm_directory_frames_dropped_total{reason="forged_sender"}"#) == 1)
    // The bytes of {"type": 4321, "line": ""} and CR LF.
    #expect(quiet.sample(#"jm_directory_frames_received_bytes_total{type="other"}"#) == 28)
  }

  @Test("no nick, no onion and nothing that a peer sent is in the output")
  func secrets() throws {
    let quiet = try QuietNode()
    let maker = try quiet.join(Self.nick, at: "maker.example:5222", features: #"{\"odd\": true}"#)
    try quiet.send(687, "\(Self.nick)!PUBLIC!sw0reloffer 987654 1 2 3 4", from: maker)
    let told =
      quiet.text() + quiet.text(.openMetrics)
      + RelaySummary(of: quiet.status, HistoryRecorder(for: quiet.status)).json
    for secret in [Self.nick, "aaaa", "maker.example", "987654", "odd", "reloffer"] {
      #expect(!told.contains(secret), "\(secret) is told")
    }
    #expect(!told.contains(quiet.node.directory.identity.nick.description))
  }

  @Test("every family has one HELP and one TYPE before its samples, and no sample appears twice")
  func form() throws {
    for format in [MetricsText.Format.prometheus, .openMetrics] {
      let lines = try QuietNode().text(format).split(separator: "\n")
      var samples: Set<Substring> = []
      var family: Substring = ""
      var helped: Set<Substring> = []
      for line in lines where line != "# EOF" {
        let words = line.split(separator: " ")
        if line.hasPrefix("# HELP ") {
          #expect(helped.insert(words[2]).inserted, "\(line)")
          family = words[2]
        } else if line.hasPrefix("# TYPE ") {
          #expect(words[2] == family, "\(line)")
        } else {
          let name = line[..<(line.lastIndex(of: " ") ?? line.endIndex)]
          #expect(line.hasPrefix(family) && samples.insert(name).inserted, "\(line)")
          #expect(Double(words.last ?? "")?.isFinite == true, "\(line)")
        }
      }
      #expect(samples.count > 100)
    }
  }

  @Test("OpenMetrics is returned on request, and ends with # EOF")
  func negotiation() throws {
    #expect(MetricsText.Format(accept: nil) == .prometheus)
    #expect(MetricsText.Format(accept: "text/html,*/*;q=0.8") == .prometheus)
    #expect(
      MetricsText.Format(
        accept: "text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0")
        == .openMetrics)
    let quiet = try QuietNode()
    #expect(quiet.text(.openMetrics).hasSuffix("\n# EOF\n"))
    #expect(quiet.text(.openMetrics).contains("# TYPE jm_directory_deliveries counter\n"))
    #expect(!quiet.text().contains("EOF"))
    #expect(quiet.text().contains("# TYPE jm_directory_deliveries_total counter\n"))
  }

  @Test("open descriptors are counted one by one if the system does not report their number")
  func descriptors() throws {
    let before = ProcessFigures.countDescriptors()
    let more = (0..<500).map { _ in dup(0) }
    defer { for descriptor in more { close(descriptor) } }
    // Other tests open and close a few descriptors meanwhile.
    #expect(ProcessFigures.countDescriptors() - before > 400)
  }

  @Test("a histogram's buckets add up to its count")
  func histogram() {
    var text = MetricsText(.prometheus)
    text.histogram(
      "x_seconds", "Help.", bounds: [.milliseconds(1), .milliseconds(20)], counts: [3, 2, 1],
      sum: .milliseconds(1_500))
    #expect(
      String(decoding: text.bytes, as: UTF8.self) == """
        # HELP x_seconds Help.
        # TYPE x_seconds histogram
        x_seconds_bucket{le="0.001"} 3
        x_seconds_bucket{le="0.02"} 5
        x_seconds_bucket{le="+Inf"} 6
        x_seconds_sum 1.5
        x_seconds_count 6

        """)
  }

  @Test("each message type has its own index")
  func places() {
    let codes: [UInt32] = [685, 687, 789, 791, 793, 795, 798, 799, 801, 803, 805, 807, 1]
    #expect(
      codes.map { MessageType.place(of: MessageType(code: $0)) }
        == Array(MessageType.labels.indices))
  }

  @Test("the summary is JSON that decodes to the same values")
  func summary() throws {
    let quiet = try QuietNode()
    let maker = try quiet.join(Self.nick, at: "maker.example:5222")
    try quiet.send(801, "", from: maker)
    let summary = RelaySummary(of: quiet.status, HistoryRecorder(for: quiet.status))
    let read = try JSONDecoder().decode(RelaySummary.self, from: Data(summary.json.utf8))
    #expect(read == summary)
    #expect(read.closed == [.init(name: "disconnect_message", count: 1)])
    #expect(read.circuits == nil && read.maxPending == 2_500 && read.descriptors > 0)
  }

  @Test("a peer is quiet once it has been silent for HEARTBEAT_IDLE_THRESHOLD")
  func quietPeers() throws {
    let quiet = try QuietNode()
    try quiet.join(Self.nick)
    #expect(quiet.status.peerCounts.quiet == 0)
    quiet.node.directory.limits.idleThreshold = .seconds(-1)
    #expect(quiet.status.peerCounts.quiet == 1)
  }

  @Test("the start time of the state changes only with the state")
  func stateSince() throws {
    let quiet = try QuietNode()
    let since = quiet.status.stateSince
    #expect(quiet.status.stateSince == since)
    quiet.node.directory.limits.peers = 0
    let changed = quiet.status.stateSince
    #expect(changed > since && quiet.status.stateSince == changed)
  }

  @Test("the page's policy allows only the hashes of its style and script, and no other source")
  func policy() throws {
    let reply = Page.reply
    let policy = try #require(reply.headers.first { $0.name == "Content-Security-Policy" }).value
    #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
    guard case .whole(let bytes) = reply.body else {
      Issue.record("the page comes as a whole")
      return
    }
    let html = String(decoding: bytes, as: UTF8.self)
    #expect(html.contains(Page.style) && html.contains(Page.script))
    #expect(!html.contains("http://") || html.contains("http://www.w3.org/2000/svg"))
    #expect(!html.contains("https://") && !html.contains("src=") && !html.contains("style="))
    for part in [Page.style, Page.script] {
      let digest = Data(Digest.sha256(Array(part.utf8)).withBytes(Array.init))
      #expect(policy.contains("'sha256-\(digest.base64EncodedString())'"))
    }
  }
}
