import Foundation
import Glibc
import Testing
import Units

extension ProductTests {
  @Suite("Status, control and settings")
  struct StatusTests {
    @Test(
      "/health and /status answer GET and HEAD, other paths 404, other methods 405, all in JSON")
    func endpoints() throws {
      let relay = try RelayProcess()
      let port = relay.statusPort ?? 0
      let rows: [(method: String, path: String, status: Int)] = [
        ("GET", "/health", 200), ("HEAD", "/health", 200), ("GET", "/status", 200),
        ("HEAD", "/status", 200), ("GET", "/metric", 404), ("GET", "/healthy", 404),
        ("HEAD", "/x", 404),
        ("POST", "/health", 405), ("PUT", "/status", 405), ("DELETE", "/health", 405),
        ("POST", "/x", 404),
      ]
      for row in rows {
        let answer = try HTTP.request(row.method, row.path, port: port)
        #expect(answer.status == row.status, "\(row)")
        #expect(answer.headers.lowercased().contains("content-type: application/json"), "\(row)")
        if row.method == "HEAD" {
          #expect(answer.body.isEmpty, "\(row)")
        } else {
          #expect(
            (try? JSONSerialization.jsonObject(with: Data(answer.body.utf8))) != nil, "\(row)")
        }
      }
      let health = try HTTP.get("/health", port: port).body
      #expect(health.hasPrefix(#"{"status": "healthy""#))
    }

    @Test("/status counts and names the connected peers")
    func status() throws {
      let relay = try RelayProcess(["MAX_PEERS": "50"])
      let peers = try [Hello.maker(1), .oldMaker(2), .taker(3)].map { try TestPeer(to: relay, $0) }
      let pending = try TestPeer(.tcp(try relay.port))
      let report = try json(try HTTP.get("/status", port: relay.statusPort ?? 0).body)
      #expect(report["version"] as? String == relayVersion)
      #expect(report["network"] as? String == "regtest")
      #expect(report["server_status"] as? String == "running")
      #expect(report["max_peers"] as? Int == 50)
      #expect(report["uptime_seconds"] is Double)
      let stats = try #require(report["stats"] as? [String: Int])
      #expect(stats["connected_peers"] == 3)
      #expect(stats["passive_peers"] == 1)
      #expect(stats["active_peers"] == 2)
      #expect(stats["peerlist_features_peers"] == 2)
      #expect(stats["neutrino_compat_peers"] == 0)
      #expect(stats["push_encrypted_peers"] == 0)
      #expect(try nicks(report, "connected_peers") == peers.map(\.nick).sorted())
      #expect(try nicks(report, "active_peers") == [peers[0].nick, peers[1].nick].sorted())
      #expect(try nicks(report, "passive_peers") == [peers[2].nick])
      #expect(report["rate_limiter"] is [String: Any])
      pending.close()
    }

    @Test("STATUS_NICKS=false leaves the lists empty and the counts as they are")
    func withoutNicks() throws {
      let relay = try RelayProcess(["STATUS_NICKS": "false"])
      let peer = try TestPeer(to: relay, .maker(1))
      try peer.sendPublic((0..<5).map { "sw0reloffer \($0) 1 2 0 0.1" }.joined(separator: "!"))
      try peer.expectNothing()
      let body = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      #expect(!body.contains(peer.nick))
      #expect(body.contains("\"total_offers\": 5"))
      #expect(body.contains("\"total\": 1, \"nicks\": []"))
    }

    @Test("A full relay is healthy and reports that it is full")
    func full() throws {
      let relay = try RelayProcess(["MAX_PEERS": "1"])
      let peer = try TestPeer(to: relay, .taker(1))
      let health = try HTTP.get("/health", port: relay.statusPort ?? 0)
      #expect(health.status == 200)
      #expect(health.body.contains("\"full\": true"))
      try peer.expectNothing()
    }

    private func json(_ text: String) throws -> [String: Any] {
      let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
      return try #require(value as? [String: Any])
    }

    private func nicks(_ report: [String: Any], _ list: String) throws -> [String] {
      let list = try #require(report[list] as? [String: Any])
      let nicks = try #require(list["nicks"] as? [String])
      #expect(list["total"] as? Int == nicks.count)
      return nicks.sorted()
    }

    @Test(
      "health of both programs exits with 0 if the relay is healthy, otherwise with 1"
    )
    func control() throws {
      let relay = try RelayProcess()
      let peer = try TestPeer(to: relay, .maker(1))
      let port = "\(relay.statusPort ?? 0)"
      let health = try Product.control.run(["health", "--port", port])
      #expect(health.status == 0)
      #expect(health.out == "healthy\n")
      let status = try Product.control.run(["status", "--port", port])
      #expect(status.status == 0)
      #expect(status.out.contains("connected: 1/10000 (\(peer.nick))"))
      let whole = try Product.control.run(["status", "--port", port, "--json"])
      #expect(try nicks(try json(whole.out), "active_peers") == [peer.nick])
      let environment = RelayProcess.defaults.merging(["HEALTH_CHECK_PORT": port]) { $1 }
      #expect(try Product.server.run(["health"], environment).status == 0)
      #expect(try relay.stop() == 0)
      for arguments in [["health", "--port", port], ["status", "--port", port]] {
        let unreachable = try Product.control.run(arguments)
        #expect(unreachable.status == 1)
        #expect(unreachable.error.hasPrefix("unreachable: "))
        #expect(unreachable.error.split(separator: "\n").count == 1)
      }
      #expect(try Product.server.run(["health"], environment).status == 1)
    }

    @Test("SIGUSR1 writes the status report to the log")
    func report() throws {
      let relay = try RelayProcess()
      let peers = try (1...12).map { try TestPeer(to: relay, .maker($0)) }
      relay.child.signal(SIGUSR1)
      try eventually("the report is there") { relay.log.contains("status: rate limiting") }
      let report = relay.logLines.filter { $0.contains("status: ") }.joined(separator: "\n")
      #expect(report.contains("network: regtest"))
      #expect(report.contains("connected: 12/10000"))
      #expect(report.contains("... and 2 more"))
      #expect(report.contains("active connections: 12"))
      #expect(peers.filter { report.contains($0.nick) }.count == 10)
    }

    @Test(
      "check-config prints each setting with its origin, or one line per fault and ends with 78")
    func checkConfig() throws {
      let good = try Product.server.run(
        ["check-config", "--max-peers", "7"], ["NETWORK": "signet", "DIRECTORY_SERVER__MOTD": "hi"])
      #expect(good.status == 0)
      let lines = good.out.split(separator: "\n").map(String.init)
      for (name, value) in [
        ("MAX_PEERS", "7"), ("NETWORK", "signet"), ("MOTD", "hi"), ("PORT", "5222"),
      ] {
        #expect(lines.contains { $0.hasPrefix(name) && $0.contains(value) }, "\(name)")
      }
      let bad = try Product.server.run(
        ["check-config"], ["NETWORK": "moon", "PORT": "70000", "MAX_PEERS": "many"])
      #expect(bad.status == 78)
      #expect(bad.error.split(separator: "\n").count == 3)
      for name in ["NETWORK", "PORT", "MAX_PEERS"] { #expect(bad.error.contains(name)) }
    }

    @Test(
      "An unknown flag is named, and the exit code is 78",
      arguments: [["--max-peer", "5"], ["--nonsense"], ["nonsense"]])
    func unknownFlag(arguments: [String]) throws {
      let outcome = try Product.server.run(arguments, RelayProcess.defaults)
      #expect(outcome.status == 78)
      #expect(outcome.error.contains(arguments[0]))
    }

    @Test("As root it does not start unless it is allowed to", .enabled(if: geteuid() == 0))
    func root() throws {
      let relay = try RelayProcess(["ALLOW_ROOT": "false"], isReady: false)
      #expect(try relay.child.waitForExit() == 78)
      #expect(relay.log.contains("ALLOW_ROOT"))
    }

    @Test("It can leave no core file, and other processes of its user cannot read its memory")
    func hardened() throws {
      let relay = try RelayProcess()
      let limits = try String(contentsOfFile: "/proc/\(relay.child.pid)/limits", encoding: .utf8)
      let core = try #require(
        limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") })
      #expect(core.split(separator: " ").filter { $0 == "0" }.count == 2)
    }
  }
}
