// A stream of bytes, split into reads of one size. The lines must be those that a plain search
// finds. Every line that is a frame must have one meaning and one canonical form.

import TestSupport
import Units

@testable import Wire

enum FrameTarget {
  /// The first byte selects the line limit and the size of a read. The rest is the stream.
  static func run(_ input: ByteView) throws {
    guard let choice = input.first else { return }
    let stream = Array(input.dropFirst())
    let limit = [16, 64, 1_024, 65_536][Int(choice & 3)]
    let step = [1, 7, 64, max(1, stream.count)][Int(choice >> 2 & 3)]
    let lines = cut(stream, by: step, limit: limit)
    try hold("lines do not depend on how they arrive", lines == cutPlainly(stream, limit: limit))
    for line in lines.complete where !line.isEmpty { try check(line) }
    if lines.complete.isEmpty { try check(stream) }
  }

  private struct Lines: Equatable {
    var complete: [[UInt8]] = []
    var endsTooLong = false
  }

  private static func cut(_ stream: [UInt8], by step: Int, limit: Int) -> Lines {
    var lines = Lines()
    var framer = LineFramer(limit: limit)
    var buffer: [UInt8] = []
    for at in stride(from: 0, to: stream.count, by: step) {
      buffer += stream[at..<min(at + step, stream.count)]
      var start = 0
      reading: while true {
        switch buffer.withView({ framer.next(in: $0, from: start) }) {
        case .line(let range, let consumed):
          lines.complete.append(Array(buffer[range]))
          start = consumed
        case .incomplete: break reading
        case .tooLong:
          lines.endsTooLong = true
          return lines
        }
      }
      framer.drained(start)
      buffer.removeFirst(start)
    }
    return lines
  }

  private static func cutPlainly(_ stream: [UInt8], limit: Int) -> Lines {
    var lines = Lines()
    var rest = stream[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      var line = rest[..<end]
      if line.last == UInt8(ascii: "\r") { line.removeLast() }
      if line.count > limit { break }
      lines.complete.append(Array(line))
      rest = rest[(end + 1)...]
    }
    if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
    lines.endsTooLong = rest.prefix { $0 != UInt8(ascii: "\n") }.count > limit
    return lines
  }

  private static func check(_ line: [UInt8]) throws {
    let frame = CopiedFrame(decoding: line)
    // A leading space bypasses the fast path for canonical frames.
    let strict = CopiedFrame(decoding: [0x20] + line)
    try hold("recogniser and strict reader accept the same", (frame == nil) == (strict == nil))
    guard let frame, let strict else { return }
    try hold("both read the same type", frame.code == strict.code)
    try hold("both read the same line", frame.text == strict.text && frame.line == strict.line)
    try hold("a canonical frame decodes to itself", CopiedFrame(decoding: frame.body) == frame)
    let isCanonical = line.withView { CanonicalScanner.scan($0) != nil }
    try hold("canonical bytes are passed on unchanged", !isCanonical || frame.body == line)
    // A type beyond 32 bits is unknown. Its digits are passed on unchanged.
    guard frame.code < UInt32.max else { return }
    try hold("one meaning has one form", frame.body == strict.body)
    var again: [UInt8] = []
    Frame.open(frame.code, to: &again)
    frame.text.withView { JSONText.encode($0, into: &again) }
    Frame.close(to: &again)
    try hold("the form is what the encoder writes", again == frame.body)
  }
}
