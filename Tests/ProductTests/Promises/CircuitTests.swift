import Testing

extension ProductTests {
  /// promises.md: one Tor circuit cannot hold many places.
  @Suite("Circuits")
  struct CircuitTests {
    private static let settings = ["PROXY_PROTOCOL": "true"]

    private static func line(_ circuit: Int, end: String = "\r\n") -> String {
      "PROXY TCP6 fc00:dead:beef:4dad::0:\(String(circuit, radix: 16)) ::1 22 5222" + end
    }

    @Test("With a PROXY line in front a handshake is taken, at once or byte by byte")
    func wellFormed() throws {
      let relay = try RelayProcess(Self.settings)
      let whole = try TestPeer(.tcp(try relay.port))
      try whole.send(Self.line(1) + Hello.taker(1).frame)
      try whole.expect(Frames.accepted(by: try relay.nick))
      let directory = try TemporaryDirectory()
      let path = directory.path + "/relay"
      let other = try RelayProcess(Self.settings.merging(["LISTEN_UNIX": path]) { $1 })
      let dripping = try TestPeer(.unix(path))
      try dripping.send(Self.line(2))
      for byte in Array(Hello.taker(2).frame.utf8) {
        try dripping.send([byte])
        try dripping.socket.waitUntilRead()
      }
      try dripping.expect(Frames.accepted(by: try other.nick))
      for peer in [whole, dripping] { try peer.expectNothing() }
    }

    @Test(
      "Without a PROXY line of an IPv6 address the connection is closed without a reply",
      arguments: [
        "", "\r\n", "PROXY\r\n", "PROXY UNKNOWN\r\n", "PROXY TCP4 127.0.0.1 127.0.0.1 22 5222\r\n",
        line(1, end: " x\r\n"),
        "PROXY TCP6 fc00:dead:beef:4dad::0:1\r\n ::1 22 5222\r\n",
        "PROXY TCP6 fc00:dead:beef:4dad::0:1 ::1 22 65536\r\n", " " + line(1),
        line(1).lowercased(), String(repeating: "P", count: 106) + "\r\n",
      ])
    func malformed(line: String) throws {
      let relay = try RelayProcess(Self.settings)
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send(line + Hello.taker(1).frame)
      try peer.expectClosed()
      #expect(try relay.closed("proxy") == 1)
    }

    @Test(
      "An incomplete PROXY line closes the connection, because Tor writes it in one piece",
      arguments: ["P", String(line(1).dropLast()), String(repeating: "P", count: 107)])
    func split(beginning: String) throws {
      let relay = try RelayProcess(Self.settings)
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send(beginning)
      try peer.expectClosed()
      #expect(try relay.closed("proxy") == 1)
    }

    @Test("Without PROXY_PROTOCOL a PROXY line is a malformed frame")
    func unexpected() throws {
      let relay = try RelayProcess()
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send(Self.line(1) + Hello.taker(1).frame)
      try peer.expectClosed()
      #expect(try relay.closed("protocol") == 1)
    }

    @Test("The circuit is the end of the source address, whatever stands before it")
    func prefixes() throws {
      let relay = try RelayProcess(Self.settings.merging(["MAX_PEERS_PER_CIRCUIT": "1"]) { $1 })
      func join(_ source: String, _ number: Int) throws -> TestPeer {
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send("PROXY TCP6 \(source) ::1 22 5222\r\n" + Hello.taker(number).frame)
        return peer
      }
      let accepted = Frames.accepted(by: try relay.nick)
      let first = try join("fc00:dead:beef:4dad::0:7", 1)
      try first.expect(accepted)
      for source in ["fd12:3456:7:8::0:7", "2001:db8::7", "::7", "fe80:1:2:3:4:5:0:7"] {
        try join(source, 2).expectClosed()
      }
      #expect(try relay.closed("circuit_full") == 4)
      for (number, source) in ["fd12::0:8", "::1:7", "::ffff:1.2.3.4"].enumerated() {
        let peer = try join(source, 3 + number)
        try peer.expect(accepted)
        try peer.leave()
      }
      try first.expectNothing()
    }

    @Test("A circuit has MAX_PEERS_PER_CIRCUIT places, and closed connections free theirs")
    func places() throws {
      let relay = try RelayProcess(Self.settings.merging(["MAX_PEERS_PER_CIRCUIT": "3"]) { $1 })
      func peer(_ number: Int, circuit: Int) throws -> TestPeer {
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send(Self.line(circuit) + Hello.taker(number).frame)
        return peer
      }
      let accepted = Frames.accepted(by: try relay.nick)
      let many = try (1...3).map { try peer($0, circuit: 7) }
      for peer in many { try peer.expect(accepted) }
      try peer(4, circuit: 7).expectClosed()
      #expect(try relay.closed("circuit_full") == 1)
      let elsewhere = try peer(5, circuit: 8)
      try elsewhere.expect(accepted)
      try many[0].leave()
      let successor = try peer(6, circuit: 7)
      try successor.expect(accepted)
      for peer in many.dropFirst() + [elsewhere, successor] { try peer.expectNothing() }
    }

    @Test("A circuit that connects again and again is refused and counted, another one is not")
    func comeAgain() throws {
      let relay = try RelayProcess(Self.settings.merging(["MAX_PEERS_PER_CIRCUIT": "1"]) { $1 })
      for number in 1...20 {
        let peer = try TestPeer(.tcp(try relay.port))
        try? peer.send(Self.line(7) + Hello.taker(number).frame)
        try? peer.leave()
      }
      let elsewhere = try TestPeer(.tcp(try relay.port))
      try elsewhere.send(Self.line(8) + Hello.taker(21).frame)
      try elsewhere.expect(Frames.accepted(by: try relay.nick))
      let refused = try relay.closed("circuit_rate")
      #expect(refused > 0)
      let hits = #"jm_directory_limit_hits_total{limit="circuit budgets"}"#
      #expect(try relay.metric(hits) == Double(refused))
    }
  }
}
