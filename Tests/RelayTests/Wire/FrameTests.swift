import TestSupport
import Testing
import Units

@testable import Wire

@Suite struct FrameTests {
  @Test("The relay writes type, line and CR LF in canonical form")
  func writing() {
    var out: [UInt8] = []
    Frame.append(.ping, "", to: &out)
    Frame.append(.pubmsg, text: "é\"\u{7f}\n".utf8, to: &out)
    #expect(
      text(out) == "{\"type\": 798, \"line\": \"\"}\r\n"
        + #"{"type": 687, "line": "\u00e9\"\u007f\n"}"# + "\r\n")
  }

  @Test("A frame's line is the part of its body between the quotes, even when it is encoded anew")
  func lines() throws {
    let canonical = try decode(#"{"type": 687, "line": "a\nb"}"#).get()
    #expect(text(canonical.line) == #"a\nb"#)
    #expect(text(canonical.text) == "a\nb")
    let anew = try decode(#"{"line":"a\u000ab€","type":13}"#).get()
    #expect(text(anew.line) == #"a\nb\u20ac"#)
    #expect(text(anew.text) == "a\nb€")
    #expect(anew.code == 13)
  }

  @Test("A decoder carries nothing from one frame to the next")
  func reuse() throws {
    var decoder = FrameDecoder(maxNesting: 10)
    for line in ["a longer line", "b", "", "c€"] {
      let frame = #"{"line":"\#(line)","type":687}"#
      let kept = try Array(frame.utf8).withView {
        try decoder.withFrame($0) { CopiedFrame($0) }
      }
      #expect(text(kept.text) == line)
    }
  }

  @Test("Codes that clientserver uses internally are known as local")
  func localCodes() {
    #expect([785, 787, 797].allSatisfy(MessageType.isLocal))
    #expect(![685, 687, 798, 0].contains(where: MessageType.isLocal))
    #expect(MessageType(code: 797) == nil)
  }
}

@Suite struct LineFramerTests {
  /// Returns the lines of `input`, fed in pieces of `size` and drained after each, as a connection
  /// does.
  private func lines(_ input: String, limit: Int, size: Int) -> [String] {
    var framer = LineFramer(limit: limit)
    var held: [UInt8] = []
    var found: [String] = []
    var rest = Array(input.utf8)[...]
    while !rest.isEmpty {
      held += rest.prefix(size)
      rest = rest.dropFirst(size)
      var start = 0
      reading: while true {
        switch held.withView({ framer.next(in: $0, from: start) }) {
        case .line(let range, let consumed):
          found.append(text(held[range]))
          start = consumed
        case .incomplete: break reading
        case .tooLong: return found + ["too long"]
        }
      }
      held.removeFirst(start)
      framer.drained(start)
    }
    return found
  }

  @Test("Lines end with LF or CR LF and do not depend on how the input is cut")
  func cutting() {
    let input = "one\ntwo\r\n\n\r\nth\rree\r\r\nfour"
    for size in 1...input.utf8.count {
      #expect(lines(input, limit: 100, size: size) == ["one", "two", "", "", "th\rree\r"])
    }
  }

  @Test("A line as long as the limit passes, with either terminator, and one byte more does not")
  func limit() {
    for size in 1...12 {
      #expect(lines("12345\n12345\r\n1", limit: 5, size: size) == ["12345", "12345"])
      #expect(lines("1\n123456\n", limit: 5, size: size) == ["1", "too long"])
      #expect(lines("123456\r\n", limit: 5, size: size) == ["too long"])
    }
  }

  @Test("A line without a terminator is too long as soon as it exceeds the limit")
  func endless() {
    #expect(lines("12345", limit: 5, size: 1) == [])
    #expect(lines("12345\r", limit: 5, size: 1) == [])
    #expect(lines("12345\r\r", limit: 5, size: 1) == ["too long"])
    #expect(lines("123456", limit: 5, size: 1) == ["too long"])
  }

  @Test("A framer takes eight bytes of a connection's memory")
  func size() { #expect(MemoryLayout<LineFramer>.size == 8) }
}
