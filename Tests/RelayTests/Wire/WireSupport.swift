// What the tests of this room share: bytes from text, frames as values that may be kept, and a generator
// whose numbers are the same in every run.

@testable import Wire

extension String {
  func withWireBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    Array(utf8).withUnsafeBytes(body)
  }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// A `Frame` copied out of the call it was valid in.
struct KeptFrame: Equatable {
  let code: UInt32
  let body: [UInt8]
  let line: [UInt8]
  let decodedLine: [UInt8]

  init(_ frame: Frame) {
    code = frame.code
    body = [UInt8](frame.body)
    line = [UInt8](frame.line)
    decodedLine = frame.decodedLine()
  }
}

func decode(_ bytes: [UInt8], maxNesting: Int = 10) -> Result<KeptFrame, EnvelopeError> {
  var decoder = FrameDecoder(maxNesting: maxNesting)
  return bytes.withUnsafeBytes { bytes in
    Result { () throws(EnvelopeError) in try decoder.withFrame(bytes) { KeptFrame($0) } }
  }
}

func decode(_ text: String, maxNesting: Int = 10) -> Result<KeptFrame, EnvelopeError> {
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

/// SplitMix64: small, and the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
