import Testing

extension ProductTests {
  /// The command lines of joinmarket-ng's directory server and its ctl.
  @Suite("In place of joinmarket-ng's directory server")
  struct DropInTests {
    @Test("Options may stand before the command, a log level among them")
    func optionsFirst() throws {
      let relay = try RelayProcess()
      let port = "\(relay.statusPort ?? 0)"
      for arguments in [
        ["--host", "127.0.0.1", "--port", port, "status"],
        ["--host=127.0.0.1", "--port=\(port)", "-l", "DEBUG", "status"],
        ["--log-level", "INFO", "--port", port, "health"],
        ["--port", port, "health", "--json"],
        ["--port", port, "status", "--json", "--log-level", "INFO"],
      ] {
        let outcome = try Product.control.run(arguments)
        #expect(outcome.status == 0, "\(arguments): \(outcome.error)")
        #expect(!outcome.out.isEmpty)
      }
    }

    @Test("jm-directory-server status shows what jm-directory-ctl status shows")
    func status() throws {
      let relay = try RelayProcess()
      let settings = ["HEALTH_CHECK_PORT": "\(relay.statusPort ?? 0)"]
      let outcome = try Product.server.run(["status"], settings)
      #expect(outcome.status == 0)
      #expect(outcome.out.contains("connected: 0/10000"))
      let json = try Product.server.run(["status", "--json"], settings)
      #expect(json.out.contains("\"network\": \"regtest\""))
      #expect(try relay.stop() == 0)
      #expect(try Product.server.run(["status"], settings).status == 1)
    }

    @Test("A config.toml in JOINMARKET_DATA_DIR is read, and unusable entries are logged once")
    func config() throws {
      let directory = try TemporaryDirectory()
      try """
      [network_config]
      network = "regtest"
      [directory_server]
      max_peers = 1
      [logging]
      level = "debug"
      [bitcoin]
      rpc_url = "http://127.0.0.1:8332"
      """.write(toFile: directory.path + "/config.toml", atomically: true, encoding: .utf8)
      let relay = try RelayProcess([
        "JOINMARKET_DATA_DIR": directory.path, "NOTIFICATIONS__ENABLED": "false",
      ])
      let first = try TestPeer(to: relay, .taker(1))
      let refused = try TestPeer(.tcp(try relay.port))
      try refused.send(Hello.taker(3).frame)
      try refused.expect(Frames.rejected(by: try relay.nick, "Maximum peers reached: 1"))
      try first.expectNothing()
      #expect(relay.log.contains(" debug "))
      #expect(relay.logLines.filter { $0.contains("bitcoin.rpc_url") }.count == 1)
      #expect(relay.logLines.filter { $0.contains("NOTIFICATIONS__ENABLED") }.count == 1)
    }

    @Test("jm-directory-server -l sets the level of the log")
    func level() throws {
      let relay = try RelayProcess(arguments: ["-l", "debug"])
      try TestPeer(to: relay, .taker(1)).leave()
      try eventually("debug records are written") { relay.log.contains(" debug ") }
    }
  }
}
