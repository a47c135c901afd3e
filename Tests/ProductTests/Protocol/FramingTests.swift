import Testing

extension ProductTests {
  /// protocol.md §1 and §2: the form of frames, and the effect of each type.
  @Suite("Frames and their types")
  struct FramingTests {
    /// A frame that a peer sends as a public line, and the line that the others get.
    struct Accepted: CustomTestStringConvertible, Sendable {
      let name: String
      /// `FROM` stands for the sender's nick.
      let sent: String
      let line: String
      var testDescription: String { name }

      init(_ name: String, _ sent: String, _ line: String) {
        self.name = name
        self.sent = sent
        self.line = line
      }
    }

    static let accepted = [
      Accepted("canonical, CR LF", #"{"type": 687, "line": "FROM!PUBLIC!a b"}"# + "\r\n", "a b"),
      Accepted("canonical, LF", #"{"type": 687, "line": "FROM!PUBLIC!a b"}"# + "\n", "a b"),
      Accepted(
        "empty lines before", "\r\n\n" + #"{"type": 687, "line": "FROM!PUBLIC!a"}"# + "\n", "a"),
      Accepted("no spaces", #"{"type":687,"line":"FROM!PUBLIC!a"}"# + "\r\n", "a"),
      Accepted("many spaces", " { \"type\" : 687 ,\t\"line\" : \"FROM!PUBLIC!a\" } \r\n", "a"),
      Accepted("line first", #"{"line": "FROM!PUBLIC!a", "type": 687}"# + "\r\n", "a"),
      Accepted(
        "another key", #"{"type": 687, "x": [1, {"y": null}], "line": "FROM!PUBLIC!a"}"# + "\r\n",
        "a"),
      Accepted(
        "another key twice", #"{"type": 687, "x": 1, "x": 2, "line": "FROM!PUBLIC!a"}"# + "\r\n",
        "a"),
      Accepted(
        "raw UTF-8", #"{"type": 687, "line": "FROM!PUBLIC!é€😀"}"# + "\r\n",
        #"\u00e9\u20ac\ud83d\ude00"#),
      Accepted(
        "escapes in capitals", #"{"type": 687, "line": "FROM!PUBLIC!\u00E9\uD83D\uDE00"}"# + "\r\n",
        #"\u00e9\ud83d\ude00"#),
      Accepted(
        "needless escapes", #"{"type": 687, "line": "FROM!PUBLIC!\u0041\/"}"# + "\r\n", "A/"),
      Accepted("an escaped key", #"{"t\u0079pe": 687, "line": "FROM!PUBLIC!a"}"# + "\r\n", "a"),
      Accepted(
        "quotes and controls",
        #"{"type": 687, "line": "FROM!PUBLIC!\"\\\n\r\t\b\f\u0001"}"# + "\r\n",
        #"\"\\\n\r\t\b\f\u0001"#),
      Accepted(
        "ten levels", #"{"type": 687, "x": [[[[[[[[[1]]]]]]]]], "line": "FROM!PUBLIC!a"}"# + "\r\n",
        "a"),
    ]

    @Test("A frame in another form is passed on in the canonical form", arguments: accepted)
    func form(_ example: Accepted) throws {
      let relay = try RelayProcess()
      let (sender, reader) = try pair(at: relay)
      try sender.send(example.sent.replacing("FROM", with: sender.nick))
      try reader.expect(
        #"{"type": 687, "line": "\#(sender.nick)!PUBLIC!\#(example.line)"}"# + "\r\n")
      try sender.expectNothing()
      try reader.expectNothing()
    }

    static let refused: [(String, [UInt8])] =
      [
        ("not JSON", #"hello"#),
        ("an array", #"[687, "a"]"#),
        ("a number", "687"),
        ("cut short", #"{"type": 687, "line": "a""#),
        ("text after it", #"{"type": 798, "line": ""} x"#),
        ("two on a line", #"{"type": 798, "line": ""}{"type": 798, "line": ""}"#),
        ("a comma too many", #"{"type": 798, "line": "",}"#),
        ("type as a string", #"{"type": "798", "line": ""}"#),
        ("type as a fraction", #"{"type": 798.0, "line": ""}"#),
        ("type with an exponent", #"{"type": 798e0, "line": ""}"#),
        ("type below zero", #"{"type": -798, "line": ""}"#),
        ("type with a leading zero", #"{"type": 0798, "line": ""}"#),
        ("type as a truth", #"{"type": true, "line": ""}"#),
        ("no type", #"{"line": ""}"#),
        ("type twice", #"{"type": 798, "type": 798, "line": ""}"#),
        ("type twice, once escaped", #"{"type": 798, "t\u0079pe": 798, "line": ""}"#),
        ("line as a number", #"{"type": 798, "line": 5}"#),
        ("line as null", #"{"type": 798, "line": null}"#),
        ("no line", #"{"type": 798}"#),
        ("line twice", #"{"type": 798, "line": "", "line": ""}"#),
        ("eleven levels", #"{"type": 798, "x": [[[[[[[[[[1]]]]]]]]]], "line": ""}"#),
        ("a byte order mark", "\u{feff}" + #"{"type": 798, "line": ""}"#),
        ("NaN", #"{"type": 798, "line": "", "x": NaN}"#),
        ("Infinity", #"{"type": 798, "line": "", "x": Infinity}"#),
        ("a lone surrogate", #"{"type": 798, "line": "\ud800"}"#),
        ("a lone low surrogate", #"{"type": 798, "line": "\ude00"}"#),
        ("a raw control character", "{\"type\": 798, \"line\": \"\u{1}\"}"),
        ("an unknown escape", #"{"type": 798, "line": "\x"}"#),
        ("single quotes", "{'type': 798, 'line': ''}"),
      ].map { ($0, Array($1.utf8)) } + [
        ("not UTF-8", Array(#"{"type": 798, "line": ""#.utf8) + [0xff] + Array(#""}"#.utf8)),
        (
          "overlong UTF-8",
          Array(#"{"type": 798, "line": ""#.utf8) + [0xc0, 0xaf] + Array(#""}"#.utf8)
        ),
        (
          "a surrogate in UTF-8",
          Array(#"{"type": 798, "line": ""#.utf8) + [0xed, 0xa0, 0x80] + Array(#""}"#.utf8)
        ),
      ]

    @Test(
      "A frame that is not strict JSON of the right shape closes its connection and no other")
    func refusals() throws {
      let relay = try RelayProcess()
      let reader = try TestPeer(to: relay, .taker(1))
      for (index, (name, bytes)) in Self.refused.enumerated() {
        for end in [[10], [13, 10]] as [[UInt8]] {
          let hello = Hello.maker(100 + index)
          let sender = try TestPeer(to: relay, hello)
          try sender.send(bytes + end)
          do { try sender.expectClosed() } catch { Issue.record("\(name): \(error)") }
          try reader.expect(hello.departure)
        }
      }
      try reader.expectNothing()
    }

    @Test("A line of 65,536 bytes is accepted, one byte more closes the connection")
    func lineLimit() throws {
      let relay = try RelayProcess()
      let (sender, reader) = try pair(at: relay)
      let opening = #"{"type": 687, "line": "\#(sender.nick)!PUBLIC!"#
      let longest =
        opening + String(repeating: "x", count: 65_536 - opening.utf8.count - 2) + #""}"#
      for end in ["\r\n", "\n"] {
        try sender.send(longest + end)
        try reader.expect(longest + "\r\n")
      }
      try sender.send(
        opening + String(repeating: "x", count: 65_537 - opening.utf8.count - 2) + "\"}\n")
      try sender.expectClosed()
      try reader.expect(Hello.maker(1).departure)
      try reader.expectNothing()
    }

    @Test(
      "A line that is too long closes the connection before its end", arguments: [true, false])
    func endlessLine(hasShakenHands: Bool) throws {
      let relay = try RelayProcess()
      let sender =
        hasShakenHands ? try TestPeer(to: relay, .taker(1)) : try TestPeer(.tcp(try relay.port))
      try sender.send([UInt8](repeating: 0x7b, count: 65_538))
      try sender.expectClosed()
    }

    @Test("MAX_LINE_LENGTH and MAX_JSON_NESTING_DEPTH move the limits")
    func otherLimits() throws {
      let relay = try RelayProcess(["MAX_LINE_LENGTH": "2048", "MAX_JSON_NESTING_DEPTH": "2"])
      let ping = #"{"type": 798, "line": "", "x": [1]}"#
      let peer = try TestPeer(to: relay, .taker(1))
      try peer.send(ping + String(repeating: " ", count: 2048 - ping.utf8.count) + "\r\n")
      try peer.expect(Frames.pong)
      try peer.send(#"{"type": 798, "line": "", "x": [[1]]}"# + "\r\n")
      try peer.expectClosed()
      let other = try TestPeer(to: relay, .taker(2))
      try other.send(ping + String(repeating: " ", count: 2049 - ping.utf8.count) + "\r\n")
      try other.expectClosed()
    }

    @Test("A line over 40,000 bytes is not sent to a client that would disconnect because of it")
    func longLinesAndOldClients() throws {
      let relay = try RelayProcess()
      let (sender, reader) = try pair(at: relay)
      let old = try TestPeer(to: relay, .oldTaker(3))
      let opening = #"{"type": 687, "line": "\#(sender.nick)!PUBLIC!"#
      let fits =
        opening + String(repeating: "x", count: 40_000 - opening.utf8.count - 2) + "\"}\r\n"
      let tooLong =
        opening + String(repeating: "x", count: 40_001 - opening.utf8.count - 2) + "\"}\r\n"
      try sender.send(fits + tooLong)
      try reader.expect([fits, tooLong])
      try old.expect(fits)
      try old.expectNothing()
      let toOld = #"{"type": 685, "line": "\#(sender.nick)!\#(old.nick)!"#
      try sender.send(
        toOld + String(repeating: "x", count: 40_001 - toOld.utf8.count - 2) + "\"}\r\n")
      try sender.expectNothing()
      try old.expectNothing()
    }

    @Test(
      "Types without a meaning to a directory are ignored, and the connection stays",
      arguments: [
        0, 1, 686, 688, 785, 787, 789, 795, 797, 799, 809, 999, 4_294_967_296,
        18_446_744_073_709_551_615,
      ] as [UInt64])
    func ignored(type: UInt64) throws {
      let relay = try RelayProcess()
      let (sender, reader) = try pair(at: relay)
      try sender.send(#"{"type": \#(type), "line": "\#(sender.nick)!PUBLIC!x"}"# + "\r\n")
      try sender.expectNothing()
      try reader.expectNothing()
    }

    @Test("A second handshake is ignored")
    func secondHandshake() throws {
      let relay = try RelayProcess()
      let (sender, reader) = try pair(at: relay)
      try sender.send(Hello.maker(77).frame)
      try sender.expectNothing()
      try sender.sendPublic("x")
      try reader.expect(Frames.frame(687, "\(sender.nick)!PUBLIC!x"))
    }

    @Test("PING is answered with PONG, whatever its line says")
    func ping() throws {
      let relay = try RelayProcess()
      let peer = try TestPeer(to: relay, .oldTaker(1))
      try peer.send(Frames.frame(798, "are you there?"))
      try peer.expect(Frames.pong)
      try peer.expectNothing()
    }

    @Test(
      "DISCONNECT and nick authentication out of order close that connection alone",
      arguments: [
        801, 803, 805, 807,
      ])
    func closing(type: Int) throws {
      let relay = try RelayProcess()
      let reader = try TestPeer(to: relay, .taker(1))
      let hello = Hello.maker(2)
      let sender = try TestPeer(to: relay, hello)
      try sender.send(Frames.frame(type, "{}"))
      try sender.expectClosed()
      try reader.expect(hello.departure)
      try reader.expectNothing()
    }

    /// A maker and a taker that act as current clients do.
    private func pair(at relay: RelayProcess) throws -> (sender: TestPeer, reader: TestPeer) {
      (try TestPeer(to: relay, .maker(1)), try TestPeer(to: relay, .taker(2)))
    }
  }
}
