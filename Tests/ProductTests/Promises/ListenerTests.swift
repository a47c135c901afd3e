import Testing

extension ProductTests {
  /// Several Tors in front of one relay.
  @Suite("Listeners")
  struct ListenerTests {
    private static func line(_ circuit: Int) -> String {
      "PROXY TCP6 fc00:dead:beef:4dad::0:\(String(circuit, radix: 16)) ::1 22 5222\r\n"
    }

    @Test("Circuits of equal id are counted apart, and each listener has its own PROXY setting")
    func apart() throws {
      let folder = try TemporaryDirectory()
      let (first, second) = (folder.path + "/a", folder.path + "/b")
      let relay = try RelayProcess([
        "LISTEN_UNIX": "\(first);name=near;proxy=true,\(second);name=far;proxy=true",
        "MAX_PEERS_PER_CIRCUIT": "2",
      ])
      func join(_ path: String, _ circuit: Int, as number: Int) throws -> TestPeer {
        let peer = try TestPeer(.unix(path))
        try peer.send(Self.line(circuit) + Hello.taker(number).frame)
        return peer
      }
      let peers = try [(first, 1), (first, 2), (second, 3), (second, 4)].map {
        try join($0.0, 7, as: $0.1)
      }
      for peer in peers { try peer.expect(Frames.accepted(by: try relay.nick)) }
      for path in [first, second] { try join(path, 7, as: 5).expectClosed() }
      #expect(try relay.closed("circuit_full") == 2)
      let plain = try TestPeer(to: relay, .taker(6))
      try plain.sendPublic("hello")
      let said = Frames.frame(687, "\(plain.nick)!PUBLIC!hello")
      for peer in peers { try peer.expect(said) }
      for (name, count) in [("near", 2.0), ("far", 2), ("tcp", 1)] {
        try eventually("\(name) has \(count) connections") {
          try relay.metric("jm_directory_listener_connections{listener=\"\(name)\"}") == count
        }
        #expect(try relay.metric("jm_directory_listener_healthy{listener=\"\(name)\"}") == 1)
      }
      #expect(
        try relay.metric("jm_directory_listener_connections_opened_total{listener=\"near\"}") >= 3)
      for peer in peers { try peer.expectNothing() }
    }

    @Test("1,500 clients that come back at once all get in at the first try")
    func burst() throws {
      let relay = try RelayProcess()
      let peers = try (1...1_500).map { number in
        let peer = try TestPeer(.tcp(try relay.port))
        return (peer, Hello.taker(number))
      }
      for (peer, hello) in peers { try peer.send(hello.frame) }
      for (peer, _) in peers { try peer.expect(Frames.accepted(by: try relay.nick)) }
      #expect(try relay.closed("pending_full") == 0)
    }
  }
}
