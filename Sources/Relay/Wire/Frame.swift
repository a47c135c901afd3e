// A frame is one message between a peer and the relay: a type and a line of text. The relay keeps
// frames only in canonical form (protocol.md §1), so that no two readers see different messages in
// the same bytes.

import Units

/// A checked message in canonical form, without its CR LF. Valid only during the call that receives
/// it.
package struct Frame {
  package let code: UInt32
  /// The whole frame. A re-encoded frame may be up to three times as long as the received line.
  package let body: ByteView
  /// The part of `body` that is the content of `line`, still escaped.
  package let line: ByteView

  /// Nil for a code that the relay does not know.
  package var type: MessageType? { MessageType(code: code) }

  /// The text of the line, in UTF-8.
  package func decodedLine() -> [UInt8] { JSONText.decode(line) }
}

/// Decodes lines into frames. Keeps one buffer for frames that must be re-encoded in canonical
/// form.
package struct FrameDecoder {
  private let maxNesting: Int
  private var decoded: [UInt8] = []
  private var encoded: [UInt8] = []

  /// - Parameter maxNesting: levels of objects and arrays, the envelope itself being the first.
  package init(maxNesting: Int) { self.maxNesting = maxNesting }

  /// - Parameter line: a line from the framer, without its terminator and not empty.
  package mutating func withFrame<R>(_ line: ByteView, _ body: (Frame) -> R)
    throws(EnvelopeError) -> R
  {
    let envelope = try Envelope.scan(line, maxNesting: maxNesting)
    if envelope.isCanonical {
      return body(Frame(code: envelope.code, body: line, line: line.part(envelope.line)))
    }
    encodeAnew(line.part(envelope.line), code: envelope.code)
    let start = Frame.prefixLength(code: envelope.code)
    return encoded.withView { bytes in
      body(
        Frame(code: envelope.code, body: bytes, line: bytes.part(start..<bytes.count - 2)))
    }
  }

  private mutating func encodeAnew(_ content: ByteView, code: UInt32) {
    decoded.removeAll(keepingCapacity: true)
    encoded.removeAll(keepingCapacity: true)
    JSONText.decode(content, into: &decoded)
    Frame.open(code, to: &encoded)
    decoded.withView { JSONText.encode($0, into: &encoded) }
    Frame.close(to: &encoded)
  }
}

extension Frame {
  /// Appends a whole frame with its CR LF.
  /// - Parameter text: the line in UTF-8, not escaped.
  package static func append(
    _ type: MessageType, text: ByteView, to out: inout [UInt8]
  ) {
    open(UInt32(type.rawValue), to: &out)
    JSONText.encode(text, into: &out)
    close(to: &out)
    out.append("\r\n")
  }

  package static func append(
    _ type: MessageType, text: some Collection<UInt8>, to out: inout [UInt8]
  ) {
    Array(text).withView { append(type, text: $0, to: &out) }
  }

  package static func append(_ type: MessageType, _ text: String, to out: inout [UInt8]) {
    append(type, text: text.utf8, to: &out)
  }

  /// Appends the bytes before the content of the line.
  package static func open(_ code: UInt32, to out: inout [UInt8]) {
    out.append("{\"type\": ")
    out.append(decimal: code)
    out.append(", \"line\": \"")
  }

  /// Appends the bytes after the content of the line, without CR LF.
  package static func close(to out: inout [UInt8]) { out.append("\"}") }

  /// The number of bytes that `open` appends.
  static func prefixLength(code: UInt32) -> Int { 20 + String(code).utf8.count }
}
