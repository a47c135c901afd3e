import Foundation
import Testing

extension ProductTests {
  /// TOR_CONTROL with a fake Tor, or with something else at the control port.
  /// Tests/EndToEnd/tor-control has a real Tor.
  @Suite("Tor's control port")
  struct TorControlTests {
    private static func settings(_ port: UInt16) -> [String: String] {
      [
        "PROXY_PROTOCOL": "true", "TOR_CONTROL": "127.0.0.1:\(port)",
        "TOR_CONTROL_CLOSE_AFTER": "1", "MESSAGE_RATE_LIMIT": "2", "MESSAGE_BURST_LIMIT": "4",
      ]
    }

    private func join(_ relay: RelayProcess, circuit: Int, _ hello: Hello) throws -> TestPeer {
      let peer = try TestPeer(.tcp(try relay.port))
      let number = String(circuit, radix: 16)
      try peer.send("PROXY TCP6 fc00:dead:beef:4dad::0:\(number) ::1 22 5222\r\n")
      try peer.shakeHands(hello, with: relay)
      return peer
    }

    private func isReady(_ relay: RelayProcess) throws -> Bool {
      try relay.metric("jm_directory_tor_control_ready") == 1
    }

    @Test(
      "A circuit whose budgets stay exhausted is closed, and no other",
      arguments: [
        ("250 OK", "closed"), ("552 Unknown circuit \"300\"", "unknown"), ("551 no", "refused"),
      ])
    func closes(reply: String, outcome: String) throws {
      let tor = try FakeTor { $0.hasPrefix("AUTHENTICATE") ? "250 OK\r\n" : reply + "\r\n" }
      let relay = try RelayProcess(Self.settings(tor.server.port))
      try eventually("Tor accepts the relay") { try isReady(relay) }
      let honest = try join(relay, circuit: 301, .taker(1))
      let sharing = try (2...5).map { try join(relay, circuit: 300, .taker($0)) }
      try eventually("CLOSECIRCUIT", within: 30) {
        for peer in sharing { try peer.send(Frames.ping) }
        pause(seconds: 0.1)
        return tor.received.contains("CLOSECIRCUIT 300")
      }
      #expect(tor.received.allSatisfy { $0 == "AUTHENTICATE" || $0 == "CLOSECIRCUIT 300" })
      try eventually("it is counted") {
        try relay.metric(#"jm_directory_tor_circuits_closed_total{outcome="\#(outcome)"}"#) >= 1
      }
      try honest.expectNothing()
      if outcome == "closed" {
        try eventually("the log has the number") {
          relay.log.contains("circuits closed: their budgets stayed exhausted circuits=1")
        }
      }
      #expect(!relay.log.contains("circuit=300"))
    }

    @Test("Peers within their budgets are never closed, however busy")
    func within() throws {
      let tor = try FakeTor { _ in "250 OK\r\n" }
      var settings = Self.settings(tor.server.port)
      settings["MESSAGE_RATE_LIMIT"] = "1000"
      settings["MESSAGE_BURST_LIMIT"] = "1000"
      let relay = try RelayProcess(settings)
      try eventually("Tor accepts the relay") { try isReady(relay) }
      let peers = try (1...4).map { try join(relay, circuit: 300, .taker($0)) }
      let end = monotonicSeconds() + 3
      while monotonicSeconds() < end {
        for peer in peers { try peer.expectNothing() }
        pause(seconds: 0.02)
      }
      #expect(tor.received == ["AUTHENTICATE"])
    }

    @Test(
      "A hostile control port causes one warning and harms no peer",
      arguments: [
        "515 Authentication failed\r\n", "\r\n", "250\r\n", "250-OK\r\n", "250+OK\r\n",
        "HTTP/1.1 400 no\r\n",
        "\u{0}\u{1}\u{2}\u{3}\r\n", String(repeating: "2", count: 10_000_000),
        "250 OK\r\n250 OK\r\n",
        "650 CIRC 1 BUILT\r\n", "silent", "closed", "nobody",
      ])
    func hostile(answer: String) throws {
      let server = try CannedServer { _ in
        switch answer {
        case "silent": []
        case "closed": [.close]
        default: [.text(answer)]
        }
      }
      let free = try ListeningSocket(listens: false)
      let relay = try RelayProcess(Self.settings(answer == "nobody" ? free.port : server.port))
      let peer = try join(relay, circuit: 300, .taker(1))
      try eventually("two failures", within: 60) {
        try relay.metric("jm_directory_tor_control_failures_total") >= 2
      }
      #expect(relay.log.components(separatedBy: "no help from Tor").count == 2)
      #expect(relay.heapBytes < 30_000_000)
      try peer.expectNothing()
      #expect(try HTTP.get("/health", port: relay.statusPort ?? 0).status == 200)
      withExtendedLifetime((server, free)) {}
    }

    @Test("The cookie or the password is sent in Tor's format, and an unusable file is logged")
    func secrets() throws {
      let folder = try TemporaryDirectory()
      let path = folder.path + "/secret"
      try Data((0..<32).map { UInt8($0 * 7 & 255) }).write(to: URL(filePath: path))
      let tor = try FakeTor { _ in "250 OK\r\n" }
      var settings = Self.settings(tor.server.port)
      settings["TOR_CONTROL_COOKIE_FILE"] = path
      let byCookie = try RelayProcess(settings)
      try eventually("Tor accepts the relay") { try isReady(byCookie) }
      let hex = (0..<32).map { String(format: "%02x", $0 * 7 & 255) }.joined()
      #expect(tor.received == ["AUTHENTICATE " + hex])
      #expect(try byCookie.stop() == 0)

      try "a \"b\" \\c\nrest".write(toFile: path, atomically: false, encoding: .utf8)
      settings["TOR_CONTROL_COOKIE_FILE"] = ""
      settings["TOR_CONTROL_PASSWORD_FILE"] = path
      let byPassword = try RelayProcess(settings)
      try eventually("Tor accepts the relay") { try isReady(byPassword) }
      #expect(tor.received.last == #"AUTHENTICATE "a \"b\" \\c""#)
      #expect(!byPassword.log.contains("a \\\"b"))

      for (name, content, words) in [
        ("TOR_CONTROL_COOKIE_FILE", "short", "a cookie has 32 bytes"),
        ("TOR_CONTROL_COOKIE_FILE", String(repeating: "x", count: 33), "more than 32 bytes"),
        ("TOR_CONTROL_PASSWORD_FILE", "\n", "the file is empty"),
        ("TOR_CONTROL_PASSWORD_FILE", nil, "No such file"),
      ] {
        var settings = Self.settings(tor.server.port)
        settings[name] = path
        try? FileManager.default.removeItem(atPath: path)
        try content?.write(toFile: path, atomically: false, encoding: .utf8)
        let relay = try RelayProcess(settings)
        try eventually("it says: \(words)") { relay.log.contains(words) }
        #expect(try !isReady(relay))
      }
    }

    @Test("Settings that do not identify the listener or the secret do not start")
    func misconfigured() throws {
      let folder = try TemporaryDirectory()
      let two = ["a", "b"].map { "\(folder.path)/\($0);name=\($0);proxy=true" }
      let control = "unix:\(folder.path)/control"
      for (settings, words) in [
        (["TOR_CONTROL": control], "TOR_CONTROL needs a listener with a PROXY line"),
        (
          ["TOR_CONTROL": control, "LISTEN_UNIX": two.joined(separator: ",")],
          "several listeners have PROXY lines"
        ),
        (
          ["TOR_CONTROL": control + ";listener=c", "LISTEN_UNIX": two.joined(separator: ",")],
          "that is called c"
        ),
        (
          ["TOR_CONTROL_COOKIE_FILE": "/a", "TOR_CONTROL_PASSWORD_FILE": "/b"],
          "set only one of them"
        ),
      ] {
        let relay = try RelayProcess(settings, isReady: false)
        #expect(try relay.child.waitForExit() == 78)
        #expect(relay.log.contains(words), "\(relay.log)")
      }
      let named = try RelayProcess([
        "TOR_CONTROL": control + ";listener=b", "LISTEN_UNIX": two.joined(separator: ","),
      ])
      try eventually("the relay serves without Tor") { named.log.contains("no help from Tor") }
    }
  }
}
