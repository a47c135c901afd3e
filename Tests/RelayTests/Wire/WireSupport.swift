// Helpers for the tests of this folder: bytes from text, and frames as values that may be kept.

import TestSupport
import Units

@testable import Wire

extension String {
  func withWireBytes<R>(_ body: (ByteView) -> R) -> R {
    Array(utf8).withView(body)
  }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

func decode(_ bytes: [UInt8], maxNesting: Int = 10) -> Result<CopiedFrame, EnvelopeError> {
  var decoder = FrameDecoder(maxNesting: maxNesting)
  return bytes.withView { bytes in
    Result { () throws(EnvelopeError) in try decoder.withFrame(bytes) { CopiedFrame($0) } }
  }
}

func decode(_ text: String, maxNesting: Int = 10) -> Result<CopiedFrame, EnvelopeError> {
  decode(Array(text.utf8), maxNesting: maxNesting)
}

func scan(_ text: String) -> Result<Envelope, EnvelopeError> {
  text.withWireBytes { bytes in
    Result { () throws(EnvelopeError) in try Envelope.scan(bytes, maxNesting: 10) }
  }
}

extension Result {
  var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
  var success: Success? { try? get() }
}
