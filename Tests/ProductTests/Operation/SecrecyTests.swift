import Glibc
import Testing

extension ProductTests {
  /// promises.md, "Never tell".
  @Suite("What the log does not say")
  struct SecrecyTests {
    private let payload = "payloadThatNobodyMayRead"

    @Test("At info no record names a nick, an onion or a line", arguments: ["text", "json"])
    func info(format: String) throws {
      let relay = try RelayProcess(["LOG_LEVEL": "info", "LOG_FORMAT": format])
      let (hellos, peers) = try misbehave(at: relay)
      try close(peers)
      #expect(try relay.stop() == 0)
      for line in relay.logLines {
        for hello in hellos {
          #expect(!line.contains(hello.nick), "\(line)")
          #expect(!line.contains(hello.location) || hello.location == Hello.notServing, "\(line)")
        }
        #expect(!line.contains(payload), "\(line)")
        #expect(!line.contains(".onion"), "\(line)")
      }
      let nick = try relay.nick
      #expect(relay.logLines.filter { $0.contains(nick) }.count == 1)
    }

    @Test("At trace nicks may stand in the log, lines never do")
    func trace() throws {
      let relay = try RelayProcess(["LOG_LEVEL": "trace"])
      try close(misbehave(at: relay).peers)
      #expect(try relay.stop() == 0)
      #expect(!relay.log.contains(payload))
    }

    @Test("The report that the operator asks for names nicks, and neither onions nor lines")
    func report() throws {
      let relay = try RelayProcess()
      let (_, peers) = try misbehave(at: relay)
      relay.child.signal(SIGUSR1)
      try eventually("the report is there") { relay.log.contains("status: rate limiting") }
      #expect(!relay.log.contains(".onion"))
      #expect(!relay.log.contains(payload))
      for peer in peers { #expect(relay.log.contains(peer.nick)) }
    }

    @Test("The report is written at every level of the log")
    func reportAtCritical() throws {
      // Two ports that were free a moment ago, because a silent log does not name the relay's
      // ports.
      let other = try RelayProcess()
      let ports = (peers: try other.port, status: other.statusPort)
      #expect(try other.stop() == 0)
      let relay = try RelayProcess(
        [
          "LOG_LEVEL": "critical", "PORT": "\(ports.peers)",
          "HEALTH_CHECK_PORT": "\(ports.status ?? 0)",
        ], isReady: false)
      try relay.waitUntilItServes { ports.status }
      #expect(relay.log.isEmpty)
      relay.child.signal(SIGUSR1)
      try eventually("the report is there") { relay.log.contains("status: rate limiting") }
    }

    @Test("A connection that says nothing and closes leaves no record")
    func quiet() throws {
      let relay = try RelayProcess(["LOG_LEVEL": "info"])
      let watcher = try TestPeer(to: relay, .taker(1))
      let before = relay.log
      for _ in 0..<20 { _ = try TestPeer(.tcp(try relay.port)) }
      // It connected last, so all others have been accepted.
      let last = try TestPeer(to: relay, .taker(2))
      try eventually("they have left") {
        try HTTP.get("/status", port: relay.statusPort ?? 0).body
          .contains("\"active_connections\": 2")
      }
      for peer in [watcher, last] { try peer.expectNothing() }
      #expect(relay.log == before)
    }

    /// Sends everything that a careless log could repeat: lines, bad and forged frames, rejected
    /// handshakes. Causes evictions.
    private func misbehave(
      at relay: RelayProcess
    ) throws -> (hellos: [Hello], peers: [TestPeer]) {
      let hellos = [Hello.maker(1), .oldMaker(2), .taker(3)]
      let peers = try hellos.map { try TestPeer(to: relay, $0) }
      for sender in peers {
        for receiver in peers { try sender.send(payload, to: receiver.nick) }
        try sender.sendPublic("sw0reloffer 0 \(payload)")
        try sender.send(Frames.frame(687, "\(nickNumber(9))!PUBLIC!\(payload)"))
        try sender.send(Frames.frame(4242, payload))
      }
      for bad in ["{\"\(payload)", payload, Frames.frame(793, payload), Frames.frame(687, payload)]
      {
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send(bad + "\r\n")
        try peer.expectClosed()
      }
      for hello in [
        Hello(nick: payload), Hello(nick: nickNumber(8), location: "\(payload),;.onion:1"),
        Hello(nick: nickNumber(8), network: payload), hellos[2],
      ] {
        let peer = try TestPeer(.tcp(try relay.port))
        try peer.send(hello.frame)
        if hello.nick == hellos[2].nick { continue }
        #expect(try peer.nextFrame().contains("Rejected"))
      }
      try peers[0].send("last", to: peers[0].nick)
      try eventually("all is handled") { try peers[0].nextFrame().contains("last") }
      return (hellos, peers)
    }

    /// One is closed for a fault, one sends DISCONNECT, one just closes.
    private func close(_ peers: [TestPeer]) throws {
      try peers[0].send("{\"\(payload)\n")
      try peers[1].send(Frames.frame(801, payload))
      for peer in peers[...1] {
        try eventually("the connection is closed") { (try? peer.nextFrame()) == nil }
      }
      peers[2].close()
    }
  }
}
