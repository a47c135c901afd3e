// Runs `jm-directory-ctl probe` as cron does, against our relay and against answers of other
// implementations. HostileProbeTests has hostile answers, Tests/EndToEnd/run a real Tor.

import Foundation
import Testing

extension ProductTests {
  @Suite("The probe")
  struct ProbeTests {
    /// The output of one probe with --json.
    private struct Found {
      let code: Int32
      let problem: String
      let outcome: String
      let steps: [String: String]
      let json: [String: Any]

      init(_ outcome: Product.Outcome) throws {
        code = outcome.status
        json = try #require(
          try JSONSerialization.jsonObject(with: Data(outcome.out.utf8)) as? [String: Any])
        problem = json["problem"] as? String ?? ""
        self.outcome = json["outcome"] as? String ?? ""
        var steps: [String: String] = [:]
        for step in json["steps"] as? [[String: Any]] ?? [] {
          steps[step["name"] as? String ?? ""] = step["result"] as? String
          #expect(step["seconds"] as? Double != nil)
        }
        self.steps = steps
      }
    }

    private static func probe(_ port: UInt16, _ options: String...) throws -> Found {
      let arguments =
        ["probe", Proving.directory, "--direct", "127.0.0.1:\(port)", "--json"] + options
        + (options.contains("--network") ? [] : ["--network", "regtest"])
      return try Found(try Product.control.run(arguments, within: 60))
    }

    // MARK: Our relay

    @Test("A healthy relay: every step, features, greeting and the number of peers")
    func healthy() throws {
      let relay = try RelayProcess(Proving.settings)
      let makers = try (1...30).map { number in
        let maker = try TestPeer(.tcp(try relay.port))
        try maker.send(Hello.maker(number).frame)
        try maker.expect(try Proving.accepted(by: relay))
        return maker
      }
      let found = try Self.probe(try relay.port)
      #expect(found.code == 0 && found.outcome == "healthy" && found.problem == "")
      #expect(
        found.steps == [
          "connect": "ok", "handshake": "ok", "nick_proof": "ok", "ping": "ok", "peerlist": "ok",
        ])
      #expect(found.json["peers"] as? Int == 30)
      #expect(found.json["features"] as? [String] == ["nick_auth", "peerlist_features", "ping"])
      #expect(found.json["greeting"] as? String == RelayProcess.motd)
      #expect(found.json["nick"] as? String == (try relay.nick))
      for maker in makers { try maker.expectNothing() }
    }

    @Test("Without --json each step is a line, and the last line is the conclusion")
    func text() throws {
      let relay = try RelayProcess(Proving.settings)
      let outcome = try Product.control.run(
        [
          "probe", Proving.directory, "--direct", "127.0.0.1:\(try relay.port)", "--network",
          "regtest",
        ])
      let lines = outcome.out.split(separator: "\n")
      try #require(outcome.status == 0 && lines.count == 9, "\(outcome.out)")
      #expect(lines.first == "relay.test:5222 through 127.0.0.1:\(try relay.port), without Tor")
      #expect(lines[3].hasPrefix("  nick proof ok "))
      #expect(lines.contains("greeting: hello") && lines.last?.hasPrefix("healthy in ") == true)
    }

    @Test(
      "Each kind of fault has its own words and exit code",
      arguments: [
        (["--network", "mainnet"], [:], 1, "wrong network: it serves regtest, not mainnet"),
        ([], ["MAX_PEERS": "1"], 1, "full: it says"),
        (["--no-proof"], ["NICK_AUTH_MODE": "require_verified"], 1, "prove its nick"),
        ([], ["NICK_AUTH_DIRECTORY_ID": "another.test:5222"], 1, "NICK_AUTH_DIRECTORY_ID"),
        ([], ["PROXY_PROTOCOL": "true"], 1, "PROXY_PROTOCOL"),
      ] as [([String], [String: String], Int32, String)])
    func refused(
      _ options: [String], _ settings: [String: String], _ code: Int32, _ words: String
    ) throws {
      let relay = try RelayProcess(Proving.settings.merging(settings) { $1 })
      var holder: TestPeer?
      if settings["MAX_PEERS"] != nil {
        holder = try TestPeer(.tcp(try relay.port))
        try holder?.send(Hello.taker(1).frame)
        _ = try holder?.nextFrame()
      }
      let arguments =
        ["probe", Proving.directory, "--direct", "127.0.0.1:\(try relay.port)", "--json"]
        + (options.contains("--network") ? [] : ["--network", "regtest"]) + options
      let found = try Found(try Product.control.run(arguments))
      #expect(found.code == code && found.outcome == "refused")
      #expect(found.problem.contains(words), "\(found.problem)")
      holder?.close()
    }

    @Test("require_verified takes a probe that proves its nick")
    func verified() throws {
      let relay = try RelayProcess(
        Proving.settings.merging(["NICK_AUTH_MODE": "require_verified"]) { $1 })
      let found = try Self.probe(try relay.port)
      #expect(found.code == 0 && found.steps["nick_proof"] == "ok", "\(found.problem)")
    }

    @Test("A port where nothing listens, and one that speaks HTTP")
    func elsewhere() throws {
      let free = try ListeningSocket(listens: false)
      let nobody = try Self.probe(free.port)
      #expect(nobody.code == 2 && nobody.outcome == "unreachable", "\(nobody.problem)")
      #expect(nobody.steps == ["connect": "failed"])
      withExtendedLifetime(free) {}
      let relay = try RelayProcess()
      let page = try Self.probe(relay.statusPort ?? 0)
      #expect(page.code == 3 && page.outcome == "not_a_directory", "\(page.problem)")
      #expect(page.problem.contains("HTTP/1."))
    }

    @Test("--watch prints a line each, in JSON an object a line, and ends with the last one's code")
    func watch() throws {
      let relay = try RelayProcess(Proving.settings)
      let arguments = [
        "probe", Proving.directory, "--direct", "127.0.0.1:\(try relay.port)", "--network",
        "regtest", "--watch", "--every", "1", "--count", "2",
      ]
      let lines = try Product.control.run(arguments, within: 60).out.split(separator: "\n")
      #expect(lines.count == 2)
      for line in lines {
        #expect(
          line.contains("Z  healthy in ") && line.contains("  ping=") && line.contains("peers=0"))
      }
      let json = try Product.control.run(arguments + ["--json"], within: 60)
      for line in json.out.split(separator: "\n") {
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        #expect(object?["time"] as? String != nil && object?["outcome"] as? String == "healthy")
      }
      #expect(json.status == 0)
      #expect(try relay.stop() == 0)
      #expect(try Product.control.run(arguments, within: 60).status == 2)
    }

    @Test(
      "A command line that cannot be right ends with 64",
      arguments: [
        ["a.onion:5222"], ["\(String(repeating: "a", count: 56)).onion"], ["x:0"], ["x:y"],
        [":5222"],
        ["x", "--network", "bitcoin"], ["x", "--timeout", "0"], ["x", "--watch", "--every", "0"],
      ])
    func usage(_ arguments: [String]) throws {
      let outcome = try Product.control.run(["probe"] + arguments)
      #expect(outcome.status == 64 && !outcome.error.isEmpty)
    }

    // MARK: Directories of other implementations

    /// The answers of joinmarket-ng's directory, recorded on the wire.
    @Test("joinmarket-ng's recorded answers are healthy")
    func recorded() throws {
      let events = try Product.recording("ng-client").split(separator: "\n").compactMap {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
      func answer(_ type: Int) throws -> String {
        let said = events.compactMap {
          $0["way"] as? String == "relay" ? $0["bytes"] as? String : nil
        }
        return try #require(said.first { $0.hasPrefix(#"{"type": \#(type),"#) })
      }
      let server = try CannedServer(directory: [
        793: [.text(try answer(795))], 791: [.text(try answer(789))], 798: [.text(Frames.pong)],
      ])
      let found = try Self.probe(server.port)
      #expect(found.code == 0, "\(found.problem)")
      #expect(found.steps["nick_proof"] == "skipped" && found.steps["ping"] == "ok")
      #expect(found.json["peers"] as? Int == 2)
      #expect(
        (found.json["greeting"] as? String)?.contains("JoinMarket NG version: 0.37.0") == true)
    }

    /// The handshakes of joinmarket-clientserver and joinmarket-rs, copied from their sources,
    /// because neither could be recorded.
    @Test(
      "joinmarket-clientserver's and joinmarket-rs' handshakes are healthy",
      arguments: [
        Frames.frame(
          795,
          #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "proto-ver-max": 5, "#
            + #""features": {}, "accepted": true, "nick": "J5DRZSFDwhucsshM", "network": "#
            + #""regtest", "#
            + #""motd": "Default MOTD, replace with information for the directory."}"#)
          + Frames.frame(789, "J56p3EbBmWPCqE8B;maker.onion:5222"),
        #"{"type":795,"line":"{\"app-name\":\"joinmarket\",\"directory\":true,"#
          + #"\"location-string\":\"dir.onion:5222\",\"proto-ver-min\":5,\"proto-ver-max\":5,"#
          + #"\"features\":{},\"accepted\":true,\"nick\":\"J5DRZSFDwhucsshM\","#
          + #"\"network\":\"regtest\",\"motd\":\"hi\"}"}"# + "\n",
      ])
    func others(_ handshake: String) throws {
      let server = try CannedServer(directory: [793: [.text(handshake)]])
      let found = try Self.probe(server.port)
      #expect(found.code == 0, "\(found.problem)")
      #expect(found.steps["ping"] == "skipped" && found.steps["peerlist"] == "skipped")
    }
  }
}
