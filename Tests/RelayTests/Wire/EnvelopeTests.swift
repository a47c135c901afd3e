import Foundation
import TestSupport
import Testing
import Units

@testable import Wire

@Suite struct EnvelopeTests {
  /// Frames that Python 3.11's `json.dumps` writes for a type and a line.
  static let canonical = [
    #"{"type": 687, "line": ""}"#,
    #"{"type": 687, "line": "a"}"#,
    #"{"type": 687, "line": "J5abc!PUBLIC!orderbook"}"#,
    #"{"type": 687, "line": "\"\\/"}"#,
    #"{"type": 687, "line": "\b\f\n\r\t"}"#,
    #"{"type": 687, "line": "\u0000\u0001\u001f\u007f"}"#,
    #"{"type": 687, "line": "\u00e9"}"#,
    #"{"type": 687, "line": "\u20ac"}"#,
    #"{"type": 687, "line": "\ud83d\ude00"}"#,
    #"{"type": 687, "line": "\u2028"}"#,
    #"{"type": 687, "line": "xxxxxxx\""}"#,
    #"{"type": 687, "line": "xxxxxxxx\\"}"#,
    #"{"type": 687, "line": "xxxxxxxxxxxxxxx"}"#,
    #"{"type": 687, "line": "xxxxxxxxxxxxxxxx"}"#,
    #"{"type": 687, "line": "~ !#[]^"}"#,
    #"{"type": 687, "line": "\ud7ff\ue000\uffff"}"#,
    #"{"type": 687, "line": "\udbff\udfff"}"#,
    #"{"type": 687, "line": "{\"a\": \"b\\\"c\"}"}"#,
    #"{"type": 0, "line": "z"}"#,
    #"{"type": 7, "line": "z"}"#,
    #"{"type": 4294967295, "line": "z"}"#,
  ]

  /// A valid frame, and what Python writes after reading it.
  static let recoded = [
    (
      #"{"type":687,"line":"a"}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #" { "type" : 687 , "line" : "a" } "#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"\#u{9}{"type": 687,\#u{d}"line": "a"}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"{"line": "a", "type": 687}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"{"type": 687, "line": "a", "x": 1}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"{"x": {"type": 1, "line": [1, {"line": 2}]}, "type": 687, "line": "a"}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"{"type": 687, "line": "a\/b"}"#,
      #"{"type": 687, "line": "a/b"}"#
    ),
    (
      #"{"type": 687, "line": "\u0061"}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"{"type": 687, "line": "\u00E9"}"#,
      #"{"type": 687, "line": "\u00e9"}"#
    ),
    (
      #"{"type": 687, "line": "é€😀"}"#,
      #"{"type": 687, "line": "\u00e9\u20ac\ud83d\ude00"}"#
    ),
    (
      #"{"type": 687, "line": "\#u{7f}"}"#,
      #"{"type": 687, "line": "\u007f"}"#
    ),
    (
      #"{"type": 687, "line": "\u007F"}"#,
      #"{"type": 687, "line": "\u007f"}"#
    ),
    (
      #"{"type": 687, "line": "\u0022\u005c\u002f"}"#,
      #"{"type": 687, "line": "\"\\/"}"#
    ),
    (
      #"{"type": 687, "line": "\u0008\u0009\u000a\u000c\u000d\u000b\u0000"}"#,
      #"{"type": 687, "line": "\b\t\n\f\r\u000b\u0000"}"#
    ),
    (
      #"{"type": 687, "line": "\uD83D\uDE00"}"#,
      #"{"type": 687, "line": "\ud83d\ude00"}"#
    ),
    (
      #"{"type": 687, "line": "\ud83D\ude00x"}"#,
      #"{"type": 687, "line": "\ud83d\ude00x"}"#
    ),
    (
      #"{"\u0074ype": 687, "l\u0069ne": "a"}"#,
      #"{"type": 687, "line": "a"}"#
    ),
    (
      #"{"type": 687, "line": "\ue000\uffff", "": ""}"#,
      #"{"type": 687, "line": "\ue000\uffff"}"#
    ),
    (
      #"{"type": 0, "line":""}"#,
      #"{"type": 0, "line": ""}"#
    ),
    (
      #"{"type":4294967294, "line":"x"}"#,
      #"{"type": 4294967294, "line": "x"}"#
    ),
    (
      #"{"type": 687, "line": "1234567\u0041890123456789"}"#,
      #"{"type": 687, "line": "1234567A890123456789"}"#
    ),
    (
      #"{"type": 687, "line": "\#u{10ffff}𐀀\#u{feff}"}"#,
      #"{"type": 687, "line": "\udbff\udfff\ud800\udc00\ufeff"}"#
    ),
    (
      #"{"y": [[], {}, -0.5e+3, 1E9, true, false, null, "s"], "type": 5, "line": "z"}"#,
      #"{"type": 5, "line": "z"}"#
    ),
    (
      #"{"type": 687, "line": "a"} "#,
      #"{"type": 687, "line": "a"}"#
    ),
  ]

  static let refused: [(String, EnvelopeError)] = [
    ("", .notJSON), (" ", .notJSON), ("{", .notJSON), ("[]", .notJSON), ("null", .notJSON),
    (#"{}"#, .noType), (#"{"type": 687}"#, .noLine), (#"{"line": "a"}"#, .noType),
    (#"{"type": 687, "line": "a"} x"#, .notJSON), (#"{"type": 687, "line": "a"}}"#, .notJSON),
    (#"{"type": 687, "line": "a"}{"type": 687, "line": "a"}"#, .notJSON),
    (#"{"type": 687, "line": "a",}"#, .notJSON), (#"{,"type": 687, "line": "a"}"#, .notJSON),
    (#"{"type": 687 "line": "a"}"#, .notJSON), (#"{"type" 687, "line": "a"}"#, .notJSON),
    (#"{"type": 687, "line": "a"#, .notJSON), (#"{"type": 687, "line": "a""#, .notJSON),
    (#"{"type": 687, "line": "a\"}"#, .notJSON), (#"{"type": 687, "line": "\x"}"#, .notJSON),
    (#"{"type": 687, "line": "\u12"}"#, .notJSON), (#"{"type": 687, "line": "\u12g4"}"#, .notJSON),
    (#"{"type": 687, "line": 'a'}"#, .badLine), (#"{"type": 687, "line": null}"#, .badLine),
    (#"{"type": 687, "line": 5}"#, .badLine), (#"{"type": 687, "line": ["a"]}"#, .badLine),
    (#"{"type": "687", "line": "a"}"#, .badType), (#"{"type": null, "line": "a"}"#, .badType),
    (#"{"type": true, "line": "a"}"#, .badType), (#"{"type": -1, "line": "a"}"#, .badType),
    (#"{"type": -0, "line": "a"}"#, .badType), (#"{"type": 687.0, "line": "a"}"#, .badType),
    (#"{"type": 6e2, "line": "a"}"#, .badType), (#"{"type": 0687, "line": "a"}"#, .notJSON),
    (#"{"type": +687, "line": "a"}"#, .badType), (#"{"type": 00, "line": "a"}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": NaN}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": Infinity}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": .5}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": 5.}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": 1e}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": 01}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": -}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": [1,]}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": nul}"#, .notJSON),
    (#"{"type": 687, "line": "a", "x": trueish}"#, .notJSON),
    (#"{"type": 687, "line": "a", x: 1}"#, .notJSON),
    (#"{"type": 687, "line": "a" /* no */}"#, .notJSON),
    ("{\"type\": 687, \"line\": \"a\tb\"}", .notJSON),
    ("{\"type\": 687, \"line\": \"a\0b\"}", .notJSON),
    ("\u{feff}{\"type\": 687, \"line\": \"a\"}", .notJSON),
    ("{\u{a0}\"type\": 687, \"line\": \"a\"}", .notJSON),
    (#"{"type": 687, "line": "a", "line": "a"}"#, .duplicateKey),
    (#"{"type": 687, "type": 687, "line": "a"}"#, .duplicateKey),
    (#"{"type": 687, "line": "a", "l\u0069ne": "b"}"#, .duplicateKey),
    (#"{"\u0074\u0079\u0070\u0065": 685, "type": 687, "line": "a"}"#, .duplicateKey),
    (#"{"type": 687, "line": "\ud800"}"#, .loneSurrogate),
    (#"{"type": 687, "line": "\udc00"}"#, .loneSurrogate),
    (#"{"type": 687, "line": "\ud800\ud800"}"#, .loneSurrogate),
    (#"{"type": 687, "line": "\ud800\n"}"#, .loneSurrogate),
    (#"{"type": 687, "line": "\udc00\ud800"}"#, .loneSurrogate),
    (#"{"type": 687, "line": "a", "x": "\uDFFF"}"#, .loneSurrogate),
  ]

  @Test(
    "A canonical frame is known as one and passes as the bytes it came in", arguments: canonical)
  func canonicalForm(_ frame: String) throws {
    #expect(try scan(frame).get().isCanonical)
    #expect(try text(decode(frame).get().body) == frame)
  }

  @Test("A canonical frame cut short anywhere is refused", arguments: canonical)
  func cut(_ frame: String) {
    let bytes = Array(frame.utf8)
    for end in bytes.indices { #expect(decode(Array(bytes[..<end])).failure != nil) }
  }

  @Test("Any other valid frame is encoded as Python's json.dumps does", arguments: recoded)
  func recoding(_ came: String, _ python: String) throws {
    #expect(try scan(came).get().isCanonical == false)
    let frame = try decode(came).get()
    #expect(text(frame.body) == python)
    #expect(try decode(python).get() == frame)
  }

  @Test("A frame that is not strict JSON with one type and one line is refused", arguments: refused)
  func refusal(_ frame: String, _ error: EnvelopeError) {
    #expect(decode(frame).failure == error)
  }

  @Test(
    "Bytes that are not UTF-8 are refused, in the line and elsewhere",
    arguments: [
      [0xff], [0x80], [0xc3], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80],
      [0xe2, 0x82], [0xf0, 0x80, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80],
      [0xf8, 0x88, 0x80, 0x80, 0x80],
      [0xc3, 0x28],
    ] as [[UInt8]])
  func notUTF8(_ bad: [UInt8]) {
    let line = Array(#"{"type": 687, "line": ""#.utf8) + bad + Array(#""}"#.utf8)
    #expect(decode(line).failure == .notUTF8)
    let other = Array(#"{"type": 687, "line": "", "x": ""#.utf8) + bad + Array(#""}"#.utf8)
    #expect(decode(other).failure == .notUTF8)
  }

  @Test("Ten levels of nesting pass and eleven do not")
  func nesting() {
    func frame(_ levels: Int) -> String {
      #"{"type": 687, "line": "a", "x": "# + String(repeating: "[", count: levels - 1)
        + String(repeating: "]", count: levels - 1) + "}"
    }
    #expect(decode(frame(10)).failure == nil)
    #expect(decode(frame(11)).failure == .tooDeep)
    #expect(decode(frame(30_000)).failure == .tooDeep)
    let objects = String(repeating: #"{"a":"#, count: 10) + "1" + String(repeating: "}", count: 10)
    #expect(decode(#"{"type": 687, "line": "a", "x": "# + objects + "}").failure == .tooDeep)
    #expect(decode(#"{"type": 687, "line": "a", "x": [[],[],[[]]]}"#, maxNesting: 4).failure == nil)
  }

  @Test("A type too large for an integer is an unknown type")
  func saturation() throws {
    for number in [
      "4294967295", "4294967296", "18446744073709552299", "99999999999999999999999999",
    ] {
      for form in [#"{"type": \#(number), "line": "a"}"#, #"{"type":\#(number),"line":"a"}"#] {
        #expect(try decode(form).get().code == .max)
      }
    }
    #expect(MessageType(code: .max) == nil)
    #expect(MessageType(code: 65_536 + 687) == nil)
    #expect(MessageType(code: 687) == .pubmsg)
  }

  @Test(
    "A canonical frame with one byte replaced is never canonical if strict JSON refuses it")
  func mutations() {
    let frame = Array(#"{"type": 687, "line": "ab\"\u00e9cdefgh\ud83d\ude00"}"#.utf8)
    for at in frame.indices {
      for byte in UInt8.min...UInt8.max {
        var mutated = frame
        mutated[at] = byte
        expectStable(mutated)
      }
    }
  }

  @Test("Random envelopes, mutated at random, decode and encode to the same message, or not at all")
  func randomEnvelopes() {
    var generator = SplitMix64(seed: 0x6a6f_696e)
    for _ in 0..<20_000 {
      var bytes = randomEnvelope(&generator)
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        mutate(&bytes, &generator)
      }
      expectStable(bytes)
    }
  }

  /// Checks that the encoded form of a decodable frame is canonical, and has the meaning that
  /// JSONDecoder gives the original.
  private func expectStable(_ bytes: [UInt8]) {
    guard let first = decode(bytes).success else { return }
    let plain = try? JSONDecoder().decode(ReferenceReading.self, from: Data(bytes))
    #expect(plain.map { Array($0.line.utf8) } == first.text)
    #expect(decode(first.body).success == first)
    let again = first.body.withView { try? Envelope.scan($0, maxNesting: 1) }
    #expect(again?.isCanonical == true)
    #expect(first.body.allSatisfy { $0 >= 0x20 && $0 < 0x7f })
    var encoded: [UInt8] = []
    first.text.withView { JSONText.encode($0, into: &encoded) }
    #expect(encoded == first.line)
  }

  private struct ReferenceReading: Decodable { let line: String }

  private func randomEnvelope(_ generator: inout SplitMix64) -> [UInt8] {
    let pieces = [
      "a", "J5", "!", "PUBLIC", "é", "€", "😀", #"\n"#, #"\u00e9"#, #"\u00E9"#, #"\ud83d\ude00"#,
      #"\""#, #"\\"#, #"\/"#, "/", #"\u0000"#, "\u{7f}", "        ", "0123456789", #"\ud800"#,
    ]
    let spaces = ["", " ", "  ", "\t"]
    let space = { (g: inout SplitMix64) in spaces.randomElement(using: &g) ?? "" }
    var line = ""
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      line += pieces.randomElement(using: &generator) ?? ""
    }
    var members = [#""type":\#(space(&generator))687"#, #""line":\#(space(&generator))"\#(line)""#]
    if Bool.random(using: &generator) { members.append(#""x": [1, {"y": null}]"#) }
    if Bool.random(using: &generator) { members.shuffle(using: &generator) }
    return Array("{\(members.joined(separator: "," + space(&generator)))}".utf8)
  }

  private func mutate(_ bytes: inout [UInt8], _ generator: inout SplitMix64) {
    guard let at = bytes.indices.randomElement(using: &generator) else { return }
    switch Int.random(in: 0..<4, using: &generator) {
    case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &generator)
    case 1: bytes.remove(at: at)
    case 2: bytes.insert(bytes.randomElement(using: &generator) ?? 0, at: at)
    default: bytes.swapAt(at, bytes.indices.randomElement(using: &generator) ?? at)
    }
  }
}
