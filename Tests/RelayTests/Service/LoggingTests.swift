/// The log's lines: one for each record, whatever its content, as text and as JSON.
import Foundation
import Logging
import Testing

@testable import Service
@testable import Settings

@Suite("The log")
struct LoggingTests {
  let record = LogRecord(
    time: WallTime(milliseconds: 1_767_323_045_678), level: .info, category: "relay",
    message: "peer\nforged\r\u{1b}[2J\u{2028}\"x\\",
    fields: [
      "b": "two words", "a": "1", "k e\ny": "é", "list": ["x", "y\n"], "map": ["q": "\u{202e}"],
    ])

  @Test("a text line shows time, level, category, message and its fields in order")
  func text() {
    let plain = LogRecord(
      time: WallTime(milliseconds: 1_767_323_045_678), level: .notice, category: "relay",
      message: "listening", fields: ["port": "5222", "host": "::1", "why": "a b", "none": ""])
    #expect(
      plain.line(as: .text)
        == "2026-01-02T03:04:05.678Z notice relay: listening host=::1 none=\"\" port=5222 "
        + "why=\"a b\"\n"
    )
  }

  @Test("nothing in a record makes a second line", arguments: LogFormat.allCases)
  func oneLine(_ format: LogFormat) {
    let line = record.line(as: format)
    #expect(line.hasSuffix("\n"))
    let inner = line.dropLast().unicodeScalars
    #expect(
      !inner.contains {
        $0.properties.generalCategory == .control || $0 == "\u{2028}" || $0 == "\u{202e}"
      })
  }

  @Test("a JSON line is JSON and gives back what was logged")
  func json() throws {
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(record.line(as: .json).utf8)) as? [String: Any])
    #expect(object["time"] as? String == "2026-01-02T03:04:05.678Z")
    #expect(object["level"] as? String == "info")
    #expect(object["category"] as? String == "relay")
    #expect(object["message"] as? String == "peer\nforged\r\u{1b}[2J\u{2028}\"x\\")
    #expect(object["k e\ny"] as? String == "é")
    #expect(object["list"] as? [String] == ["x", "y\n"])
    #expect(object["map"] as? [String: String] == ["q": "\u{202e}"])
  }

  @Test("a field cannot replace one of the record's own members")
  func collisions() throws {
    let line = LogRecord(
      time: .now(), level: .error, category: "c", message: "true one",
      fields: ["message": "false one"]
    ).line(as: .json)
    #expect(line.contains("\"message\":\"true one\""))
    #expect(line.contains("\"message_\":\"false one\""))
  }

  @Test("the level of all loggers changes while they are in use")
  func level() throws {
    let pipe = Pipe()
    let sink = LogSink(
      level: .info, format: .text, descriptor: pipe.fileHandleForWriting.fileDescriptor)
    var log = sink.logger("test")
    log.debug("one")
    log.info("two")
    sink.level = .debug
    log.debug("three")
    sink.level = .error
    log.warning("four")
    log.logLevel = .trace
    log.trace("five", metadata: ["own": "yes"])
    try pipe.fileHandleForWriting.close()
    let text = String(
      decoding: try #require(try pipe.fileHandleForReading.readToEnd()), as: UTF8.self)
    #expect(
      text.split(separator: "\n").map { $0.dropFirst(25) } == [
        "info test: two", "debug test: three", "trace test: five own=yes",
      ])
  }

  @Test("leap days and ends of years are correct")
  func calendar() {
    #expect(WallTime(milliseconds: 0).description == "1970-01-01T00:00:00.000Z")
    #expect(WallTime(milliseconds: 1_709_251_199_999).description == "2024-02-29T23:59:59.999Z")
    #expect(WallTime(milliseconds: 1_798_761_600_001).description == "2027-01-01T00:00:00.001Z")
  }
}
