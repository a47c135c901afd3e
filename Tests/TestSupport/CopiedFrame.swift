import Units
import Wire

/// A copy of a frame, valid after the decoder's call.
package struct CopiedFrame: Equatable, Sendable {
  package let code: UInt32
  package let body: [UInt8]
  package let line: [UInt8]
  /// The line without its escapes.
  package let text: [UInt8]

  package init(_ frame: Frame) {
    code = frame.code
    body = [UInt8](frame.body)
    line = [UInt8](frame.line)
    text = frame.decodedLine()
  }

  /// Decodes a line. Nil if the decoder refuses it.
  package init?(decoding bytes: [UInt8]) {
    var decoder = FrameDecoder(maxNesting: 10)
    let frame = try? bytes.withView { bytes in try decoder.withFrame(bytes, CopiedFrame.init)
    }
    guard let frame else { return nil }
    self = frame
  }
}
