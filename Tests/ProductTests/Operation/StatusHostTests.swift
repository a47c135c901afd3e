import Testing

extension ProductTests {
  @Suite("Who may ask the status port")
  struct StatusHostTests {
    private func status(_ path: String, host: String?, port: UInt16) throws -> Int {
      try HTTP.get(path, port: port, headers: host.map { ["Host: \($0)"] } ?? []).status
    }

    @Test("The page and /status answer under local names and addresses and those of STATUS_HOSTS")
    func hosts() throws {
      let relay = try RelayProcess(["STATUS_HOSTS": "relay, Node.Example,[2001:db8::1]"])
      let port = relay.statusPort ?? 0
      for path in ["/", "/status", "/summary.json", "/history.json"] {
        for host in [
          nil, "localhost", "LOCALHOST:\(port)", "localhost.", "x.localhost", "127.0.0.1",
          "127.8.9.1:\(port)", "[::1]", "[::1]:\(port)", "10.1.2.3", "172.31.0.1:80", "192.168.1.9",
          "[fe80::1]", "[fd00::1]:80", "relay", "relay:\(port)", "node.example", "[2001:db8::1]:80",
        ] {
          #expect(try status(path, host: host, port: port) == 200, "\(path) \(host ?? "")")
        }
        for host in [
          "evil.example", "evil.example:\(port)", "localhost.evil.example",
          "127.0.0.1.evil.example",
          "8.8.8.8", "172.32.0.1", "[2001:db8::2]", "", "localhost:x:y", "evil.example@localhost",
          "[::1].evil.example", "[::1", "localhost:x", "localhost, evil.example",
        ] {
          #expect(try status(path, host: host, port: port) == 403, "\(path) \(host)")
        }
        // Every name that a request has must be a known one.
        let (good, bad) = ("Host: localhost", "Host: evil.example")
        for (target, headers) in [
          (path, [good, bad]), (path, [bad, good]), ("http://evil.example\(path)", [good]),
          ("http://localhost\(path)", [bad]), ("http://localhost@evil.example\(path)", [good]),
        ] {
          #expect(
            try HTTP.get(target, port: port, headers: headers).status == 403, "\(target) \(headers)"
          )
        }
        #expect(
          try HTTP.get("http://127.0.0.1\(path)", port: port, headers: ["Host:\tlocalhost"]).status
            == 200)
      }
      for path in ["/health", "/metrics"] {
        #expect(try status(path, host: "evil.example", port: port) == 200)
      }
    }

    @Test("A browser that sends 8 KiB of headers is served, in one piece and in many")
    func longHeaders() throws {
      let relay = try RelayProcess()
      let port = relay.statusPort ?? 0
      for path in ["/", "/status", "/health", "/metrics"] {
        // One cookie of 8 KiB, and many headers.
        for headers in [
          ["Cookie: " + String(repeating: "c", count: 8_192)],
          (0..<80).map { "X-\($0): " + String(repeating: "h", count: 95) },
        ] {
          let all = ["Host: localhost"] + headers
          #expect(try HTTP.get(path, port: port, headers: all).status == 200)
        }
      }
      let tooLong = ["Cookie: " + String(repeating: "c", count: 100_000)]
      #expect((try? HTTP.get("/", port: port, headers: tooLong))?.status != 200)
    }
  }
}
