#if os(Linux)
  import Testing

  @testable import RelayBench

  /// Calls `body` with the line as the generator reads it: bytes at a pointer.
  private func reading<R>(_ text: String, _ body: (UnsafePointer<UInt8>, Int) -> R) throws -> R {
    try Array(text.utf8).withUnsafeBufferPointer { bytes in
      body(try #require(bytes.baseAddress), bytes.count)
    }
  }

  struct LineTests {
    @Test("Nicks and onions have the form that nodes check, and differ")
    func names() {
      let nicks = (0..<2000).map { Lines.nick($0, salt: 4711) }
      #expect(Set(nicks).count == nicks.count)
      let base58 = Set("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
      for nick in nicks {
        #expect(nick.utf8.count == 16 && nick.hasPrefix("J5"))
        #expect(nick.dropFirst(2).allSatisfy { base58.contains($0) })
      }
      #expect(Lines.nick(1, salt: 1) != Lines.nick(1, salt: 2))
      #expect(Lines.onion(77, salt: 5).utf8.count == 56 + ".onion:5222".utf8.count)
    }

    @Test(
      "A measured line has exactly its size and gives back what it was stamped with",
      arguments: [Lines.smallest, 300, Lines.largest])
    func stamped(size: Int) throws {
      var line = Lines.measured(
        685, from: Lines.nick(1, salt: 9), to: Lines.nick(2, salt: 9), stream: 321, size: size)
      #expect(line.count == size)
      let offset = Lines.stampOffset(line)
      line.withUnsafeMutableBufferPointer { bytes in
        guard let base = bytes.baseAddress else { return }
        Lines.stamp(base + offset, number: 1_234_567_890, time: 9_007_199_254_740_993)
      }
      let text = String(decoding: line, as: UTF8.self)
      #expect(text.hasPrefix("{\"type\": 685, \"line\": \"J5") && text.hasSuffix("\"}\r\n"))
      try reading(text) { at, n in
        guard let part = Lines.measuredPart(at, n) else {
          Issue.record("not taken for a measured line")
          return
        }
        #expect(Lines.number(at + part, 5) == 321)
        #expect(Lines.number(at + part + 6, 10) == 1_234_567_890)
        #expect(Lines.number(at + part + 17, 19) == 9_007_199_254_740_993)
      }
    }

    @Test("The type is read with and without a space; a line that is no frame has type 0")
    func types() throws {
      #expect(try reading(#"{"type": 687, "line": "x"}"#, Lines.type) == 687)
      #expect(try reading(#"{"type":789,"line":""}"#, Lines.type) == 789)
      #expect(try reading(#"["type", 687, "line"]"#, Lines.type) == 0)
      #expect(try reading("{", Lines.type) == 0)
    }

    @Test("Peerlist entries are counted, D entries separately")
    func entries() throws {
      let nick = Lines.nick(3, salt: 1)
      let there = "\(nick);\(Lines.onion(3, salt: 1))"
      let frames: [(String, Int, Int)] = [
        ("", 0, 0), (there, 1, 0), ("\(there);D", 0, 1),
        ("\(there);F:peerlist_features+ping", 1, 0),
        ("\(there);F:Dx,\(there);D,\(there)", 2, 1), ("\(nick);NOT-SERVING-ONION,\(there);D", 1, 1),
      ]
      for (list, listed, left) in frames {
        for text in [#"{"type": 789, "line": "\#(list)"}"#, #"{"type":789,"line":"\#(list)"}"#] {
          let counted = try reading(text, Lines.entries)
          #expect(counted.listed == listed && counted.left == left, "\(text)")
        }
      }
    }

    @Test("Only a 795 with accepted true is an acceptance")
    func acceptance() throws {
      #expect(try reading(#"{"type": 795, "line": "{\"accepted\": true}"}"#, Lines.accepts))
      #expect(try reading(#"{"type":795,"line":"{\"accepted\":true}"}"#, Lines.accepts))
      #expect(try !reading(#"{"type": 795, "line": "{\"accepted\": false}"}"#, Lines.accepts))
    }
  }
#endif
