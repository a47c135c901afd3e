// The fuzz targets: one function for each parser of external bytes. The fuzzer (Driver) and the
// replay of the corpus (Replay) run the same functions, so every input that the fuzzer has found
// stays a test. A function throws a `Violation` when a promise is broken.

import TestSupport
import Units

@testable import Wire

enum FuzzTarget: String, CaseIterable, Sendable {
  /// Framer, envelope, canonical form.
  case frame
  /// The line of a 793, the reply to it, and the resulting peerlist entry.
  case handshake
  /// The line of a PUBMSG or PRIVMSG, and peerlists.
  case routing
  /// The PROXY line.
  case proxy
  /// An HTTP reply as the control program reads it, and text made safe for one line.
  case reply
  /// An 805 and its content.
  case proof
  /// The whole directory, driven by events.
  case directory
  /// A state image, which a relay hands over to the next one.
  case image

  func run(_ input: ByteView) throws {
    switch self {
    case .frame: try FrameTarget.run(input)
    case .handshake: try HandshakeTarget.run(input)
    case .routing: try RoutingTarget.run(input)
    case .proxy: try ProxyTarget.run(input)
    case .reply: try ReplyTarget.run(input)
    case .proof: try ProofTarget.run(input)
    case .directory: try DirectoryTarget.run(input)
    case .image: try ImageTarget.run(input)
    }
  }
}

/// A promise that an input has broken.
struct Violation: Error, CustomStringConvertible {
  let description: String
}

func hold(_ promise: @autoclosure () -> String, _ isKept: Bool) throws {
  if !isKept { throw Violation(description: promise()) }
}

/// Splits the relay's output into frames. Throws unless each is canonical and ends in CR LF.
func framesWritten(_ bytes: ArraySlice<UInt8>) throws -> [CopiedFrame] {
  var frames: [CopiedFrame] = []
  var rest = bytes
  while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
    try hold("frames end in CR LF", end > rest.startIndex && rest[end - 1] == UInt8(ascii: "\r"))
    let body = Array(rest[..<(end - 1)])
    guard let frame = CopiedFrame(decoding: body), frame.body == body else {
      throw Violation(
        description: "written frames are canonical: \(String(decoding: body, as: UTF8.self))")
    }
    frames.append(frame)
    rest = rest[(end + 1)...]
  }
  try hold("nothing follows the last frame", rest.isEmpty)
  return frames
}

/// One entry of a peerlist as a client reads it.
struct ReadEntry: Equatable {
  let nick: Nick
  let location: String
  let features: [String]
  let hasLeft: Bool

  static func list(_ line: [UInt8], on network: Network) throws -> [ReadEntry] {
    guard !line.isEmpty else { return [] }
    return try line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
      try ReadEntry($0, on: network)
    }
  }

  private init(_ bytes: ArraySlice<UInt8>, on network: Network) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    let fields = text.split(separator: ";", omittingEmptySubsequences: false).map(String.init)
    try hold("an entry has two or three fields: \(text)", (2...3).contains(fields.count))
    guard let nick = Nick(fields[0]) else {
      throw Violation(description: "an entry begins with a nick: \(text)")
    }
    let isEndpoint = (try? OnionEndpoint(fields[1], network: network)) != nil
    try hold("a location is valid: \(text)", fields[1] == "NOT-SERVING-ONION" || isEndpoint)
    var names: [String] = []
    if fields.count == 3, fields[2] != "D" {
      try hold("the third field is D or F: \(text)", fields[2].hasPrefix("F:"))
      names = fields[2].dropFirst(2).split(separator: "+", omittingEmptySubsequences: false)
        .map(String.init)
      try hold("features are well formed: \(text)", names.allSatisfy(Features.isWellFormed))
    }
    self.nick = nick
    location = fields[1]
    features = names
    hasLeft = fields.count == 3 && fields[2] == "D"
  }
}
