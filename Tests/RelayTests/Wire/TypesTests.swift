import Testing
import Units

@testable import Wire

@Suite struct NickTests {
  @Test(
    "A nick is read, compared and written as its 16 characters",
    arguments: ["J5123456789ABCDE", "J0zyxwvutsrqOOOO", "J9HJKLMNPQRSTUVW"])
  func valid(_ name: String) throws {
    let nick = try #require(Nick(name))
    #expect(nick.description == name)
    #expect(nick == Nick(name))
    #expect(name.withWireBytes { nick.isEqual(to: $0) })
    #expect(!String(name.dropLast()).withWireBytes { nick.isEqual(to: $0) })
    #expect(nick != Nick("J5EEEEEEEEEEEEEE"))
    var out: [UInt8] = []
    nick.append(to: &out)
    #expect(text(out) == name)
  }

  @Test("Every byte that is neither base58 nor O is refused at every position")
  func alphabet() {
    let allowed = Set("123456789ABCDEFGHJKLMNOPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
    for at in 0..<16 {
      for byte in UInt8.min...UInt8.max {
        var bytes = Array("J5AAAAAAAAAAAAAA".utf8)
        bytes[at] = byte
        let expected =
          switch at {
          case 0: byte == UInt8(ascii: "J")
          case 1: (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          default: allowed.contains(byte)
          }
        #expect((bytes.withView { Nick($0) } != nil) == expected)
      }
    }
  }

  @Test("A nick has 16 characters", arguments: ["", "J5", "J5AAAAAAAAAAAAA", "J5AAAAAAAAAAAAAAA"])
  func length(_ name: String) { #expect(Nick(name) == nil) }
}

@Suite struct OnionEndpointTests {
  static let onion = "nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoyd.onion"

  private func error(_ text: String, _ network: Network = .mainnet) -> OnionEndpointError? {
    do throws(OnionEndpointError) {
      _ = try OnionEndpoint(text, network: network)
      return nil
    } catch { return error }
  }

  @Test("A v3 onion with a valid checksum is accepted, and stored in lower case")
  func valid() throws {
    let endpoint = try OnionEndpoint(
      OnionEndpointTests.onion.uppercased() + ":5222", network: .mainnet)
    #expect(endpoint.description == OnionEndpointTests.onion + ":5222")
    #expect(endpoint.host == OnionEndpointTests.onion)
    #expect(endpoint.port == 5222)
    #expect(try endpoint == OnionEndpoint(OnionEndpointTests.onion + ":5222", network: .mainnet))
  }

  @Test("An onion with one wrong letter anywhere is refused")
  func checksum() {
    for at in 0..<62 {
      var bytes = Array(OnionEndpointTests.onion.utf8)
      bytes[at] = bytes[at] == UInt8(ascii: "b") ? UInt8(ascii: "c") : UInt8(ascii: "b")
      #expect(error(text(bytes) + ":5222") == .badHost)
      #expect(error(text(bytes) + ":5222", .regtest) == nil)
    }
  }

  @Test(
    "A port is 1 to 65535 without sign or leading zero",
    arguments: [
      "", ":", ":0", ":05222", ":65536", ":-1", ":+1", ":5222 ", ":5a", ":99999999999999999999",
    ])
  func ports(_ port: String) {
    #expect(error(OnionEndpointTests.onion + port) == .badPort)
    #expect(error(OnionEndpointTests.onion + port, .regtest) == .badPort)
    #expect(error(OnionEndpointTests.onion + ":1") == nil)
    #expect(error(OnionEndpointTests.onion + ":65535") == nil)
  }

  @Test("Other hosts are accepted only on regtest, and only with safe characters")
  func regtest() {
    for host in ["127.0.0.1", "maker-1.test", "::1", "m.onion", String(repeating: "h", count: 255)]
    {
      #expect(error(host + ":5222") == .badHost)
      #expect(error(host + ":5222", .testnet) == .badHost)
      #expect(error(host + ":5222", .regtest) == nil)
    }
    for host in ["", "a;D", "a,b", "a b", "a\nb", "a\"", "é", String(repeating: "h", count: 256)] {
      #expect(error(host + ":5222", .regtest) == .badHost)
    }
  }
}

@Suite struct FeaturesTests {
  @Test("Features are sorted by bytes, once each, and the known ones are flags")
  func list() {
    let features = Features(names: ["ping", "Zed", "a.b-c_9", "ping", "nick_auth"])
    #expect(features.listText == "Zed+a.b-c_9+nick_auth+ping")
    #expect(features.known == [.ping, .nickAuth])
    #expect(!features.isEmpty)
    #expect(Features().isEmpty)
    #expect(Features([.ping, .peerlistFeatures]).listText == "peerlist_features+ping")
  }

  @Test(
    "A name that could forge a peerlist entry is dropped",
    arguments: ["", "a+b", "a;b", "a,b", "a b", "é", "a\n", "K", String(repeating: "x", count: 33)])
  func names(_ name: String) {
    #expect(Features(names: [name, "ping"]).listText == (name == "K" ? "K+ping" : "ping"))
  }
}

@Suite struct ProxyLineTests {
  private func parse(_ line: String) -> Result<CircuitID, ProxyLineError> {
    line.withWireBytes { bytes in
      Result { () throws(ProxyLineError) in try ProxyLine.parse(bytes) }
    }
  }

  @Test(
    "Tor's line gives the circuit in every spelling of its address",
    arguments: [
      ("fc00:dead:beef:4dad::0:16", 0x16), ("fc00:dead:beef:4dad::ffff:ffff", 0xffff_ffff),
      ("fc00:dead:beef:4dad::1:2", 0x1_0002), ("fc00:dead:beef:4dad:0:0:1:2", 0x1_0002),
      ("FC00:DEAD:BEEF:4DAD::16", 0x16), ("fc00:dead:beef:4dad::", 0),
      ("fc00:dead:beef:4dad::1.2.3.4", 0x0102_0304),
    ] as [(String, UInt32)])
  func circuits(_ address: String, _ id: UInt32) throws {
    #expect(try parse("PROXY TCP6 \(address) ::1 22 5222").get() == CircuitID(value: id))
    #expect(try parse("PROXY TCP6 \(address) ::1 0 65535").get() == CircuitID(value: id))
  }

  @Test(
    "Anything else is malformed",
    arguments: [
      "", "PROXY", "PROXY UNKNOWN", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
      "proxy TCP6 fc00:dead:beef:4dad::1 ::1 22 5222", "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 22",
      "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 22 5222 ",
      "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 22 5222 x",
      "PROXY  TCP6 fc00:dead:beef:4dad::1 ::1 22 5222",
      " PROXY TCP6 fc00:dead:beef:4dad::1 ::1 22 5222",
      "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 65536 5222",
      "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 -1 5222",
      "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 022 5222",
      "PROXY TCP6 fc00:dead:beef:4dad::1 ::g 22 5222",
      "PROXY TCP6 fc00:dead:beef:4dad::10000 ::1 22 5222",
      "PROXY TCP6 fc00:dead:beef:4dad::1\0 ::1 22 5222",
      "PROXY TCP6 127.0.0.1 ::1 22 5222", "PROXY TCP6 fc00:dead:beef:4dad::1 ::1 22 5222\r",
      #"{"type": 793, "line": ""}"#,
      "PROXY TCP6 " + String(repeating: "0", count: 100) + " ::1 22 5222",
    ])
  func malformed(_ line: String) { #expect(parse(line).failure == .malformed) }

  @Test(
    "The circuit is the last 32 bits, whatever precedes them",
    arguments: [
      ("::1", 1), ("fc00:dead:beef:4dae::1", 1), ("fc00:dead:beef:4dad:1::7", 7),
      ("2001:db8::ffff:fffe", 0xffff_fffe),
    ] as [(String, UInt32)])
  func elsewhere(_ address: String, _ id: UInt32) throws {
    #expect(try parse("PROXY TCP6 \(address) ::1 22 5222").get() == CircuitID(value: id))
  }
}

@Suite struct RoutingTests {
  private func route(_ line: String) -> [String]? {
    line.withWireBytes { bytes in
      RoutingLine(line: bytes).map { [text($0.from), text($0.to), text($0.command)] }
    }
  }

  @Test("A line is split at its first two exclamation marks")
  func routes() {
    #expect(route("a!b!c") == ["a", "b", "c"])
    #expect(route("a!PUBLIC!c d!e!") == ["a", "PUBLIC", "c d!e!"])
    #expect(route("!!!") == ["", "", "!"])
  }

  @Test(
    "A line without sender, receiver or command is refused",
    arguments: ["", "a", "a!b", "a!b!", "!!", "a!PUBLIC c"])
  func incomplete(_ line: String) { #expect(route(line) == nil) }

  @Test("Only PUBLIC, in capitals, is public")
  func publicity() {
    for (line, expected) in [("a!PUBLIC!c", true), ("a!public!c", false), ("a!PUBLICS!c", false)] {
      #expect(line.withWireBytes { RoutingLine(line: $0)?.isPublic } == expected)
    }
  }

  private func commands(_ command: String) -> [String] {
    command.withWireBytes { bytes in
      PublicCommands(bytes).map { command in
        switch command {
        case .offer(let id): "offer \(text(id))"
        case .cancel(let id): "cancel \(text(id))"
        case .orderbook: "orderbook"
        case .other: "other"
        }
      }
    }
  }

  @Test("Offers, cancellations and orderbook requests are found among the commands of a line")
  func publicCommands() {
    #expect(commands("orderbook") == ["orderbook"])
    #expect(
      commands("sw0reloffer 0 100 200 0 0.1!sw0absoffer 12 1!tbond AAA=") == [
        "offer 0", "offer 12", "other",
      ])
    for name in ["swreloffer", "swabsoffer", "reloffer", "absoffer", "relorder", "absorder"] {
      #expect(commands(name + " 7") == ["offer 7"])
    }
    #expect(commands("cancel 3!cancel 4 x") == ["cancel 3", "cancel 4"])
    #expect(
      commands("cancel!cancel !sw0reloffer!sw0reloffer  1") == ["other", "other", "other", "other"])
    #expect(commands("!hp2 x!orderbook x!orderbooks") == ["other", "other", "orderbook", "other"])
  }
}

@Suite struct PeerlistTests {
  let nick = Nick("J5AAAAAAAAAAAAAA")!
  let other = Nick("J5BBBBBBBBBBBBBB")!

  private func written(_ fill: (inout [UInt8]) -> Void) -> String {
    var out: [UInt8] = []
    fill(&out)
    return text(out)
  }

  @Test("Entries keep their order in a frame, and have features only if there are any")
  func frames() throws {
    let onion = Location.onion(
      try OnionEndpoint(OnionEndpointTests.onion + ":5222", network: .mainnet))
    #expect(
      written { PeerlistWriter.frame(to: &$0) { _ in } } == "{\"type\": 789, \"line\": \"\"}\r\n")
    let features = Array(Features([.ping, .nickAuth]).listText.utf8)
    let list = written {
      PeerlistWriter.frame(to: &$0) {
        PeerlistWriter.append(PeerlistWriter.entry(nick, onion), features: features, to: &$0)
        $0.append(UInt8(ascii: ","))
        PeerlistWriter.append(PeerlistWriter.entry(other, .notServing), features: [], to: &$0)
      }
    }
    #expect(
      list
        == "{\"type\": 789, \"line\": "
        + "\"J5AAAAAAAAAAAAAA;\(OnionEndpointTests.onion):5222;F:nick_auth+ping,"
        + "J5BBBBBBBBBBBBBB;NOT-SERVING-ONION\"}\r\n")
  }

  @Test("The entry of a peer that left has exactly three fields")
  func left() {
    #expect(
      written { PeerlistWriter.departure(of: PeerlistWriter.entry(nick, .notServing), to: &$0) }
        == "{\"type\": 789, \"line\": \"J5AAAAAAAAAAAAAA;NOT-SERVING-ONION;D\"}\r\n")
  }
}
