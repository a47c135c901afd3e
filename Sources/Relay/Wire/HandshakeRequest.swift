// The handshake: a peer's first frame (793), and the relay's answer (795). The checks and their
// order are the table of protocol.md §3, and beyond that table:
// - a key that comes twice anywhere in the object makes it no handshake; so does nesting past 10
//   levels;
// - a `location-string` that is not a string counts as missing, such a `nick` or `app-name` as
//   wrong;
// - `directory` may be false or missing, and nothing else;
// - all keys of `features` count towards the 32, whatever their value.

import Units

/// The values of an accepted handshake.
package struct HandshakeRequest: Hashable, Sendable {
  package let nick: Nick
  package let location: Location
  /// The location was missing or malformed, so it is `NOT-SERVING-ONION`; the caller logs it.
  package let locationWasUnusable: Bool
  package let features: Features
  /// No feature had the value `true`, so the peer counts as a cs client (protocol.md §1).
  package let advertisedNoFeature: Bool
  /// SHA-256 of the decoded line, to which nick authentication binds.
  package let lineDigest: Bytes32

  package init(
    nick: Nick, location: Location, locationWasUnusable: Bool, features: Features,
    advertisedNoFeature: Bool, lineDigest: Bytes32
  ) {
    self.nick = nick
    self.location = location
    self.locationWasUnusable = locationWasUnusable
    self.features = features
    self.advertisedNoFeature = advertisedNoFeature
    self.lineDigest = lineDigest
  }
}

package enum HandshakeError: Error, Hashable, Sendable {
  /// The line is not a JSON object: close, no reply.
  case notAHandshake
  /// Answered with `accepted: false`, then closed.
  case rejected(HandshakeRejection)
}

package enum HandshakeRejection: Error, Hashable, Sendable, CaseIterable {
  case appName, protocolVersion, network, directory, nick, location, features, tooManyFeatures

  /// Follows `Rejected: ` in the reply's motd.
  package var reason: String {
    switch self {
    case .appName: "unknown application"
    case .protocolVersion: "protocol version 5 is required"
    case .network: "wrong network"
    case .directory: "directories are not accepted as peers"
    case .nick: "invalid nick"
    case .location: "invalid onion address"
    case .features: "features are not an object"
    case .tooManyFeatures: "too many features"
    }
  }

  /// The name in metrics and logs.
  package var label: String {
    switch self {
    case .appName: "app_name"
    case .protocolVersion: "protocol_version"
    case .network: "network"
    case .directory: "directory"
    case .nick: "nick"
    case .location: "location"
    case .features: "features"
    case .tooManyFeatures: "too_many_features"
    }
  }
}

extension HandshakeRequest {
  /// - Parameters:
  ///   - line: the line of a 793, escaped, as `Frame` holds it.
  ///   - network: the relay's own network.
  package static func parse(
    line: ByteView, network: Network, allowsClearnet: Bool? = nil
  ) throws(HandshakeError)
    -> HandshakeRequest
  {
    let text = JSONText.decode(line)
    let said: HandshakeFields
    do {
      said = try text.withView { bytes in
        Result { () throws(EnvelopeError) in
          try HandshakeFields(bytes, network: network, allowsClearnet: allowsClearnet)
        }
      }.get()
    } catch { throw .notAHandshake }
    if let rejection = said.firstFault { throw .rejected(rejection) }
    guard let nick = said.nick else { throw .rejected(.nick) }
    return HandshakeRequest(
      nick: nick, location: said.location ?? .notServing,
      locationWasUnusable: said.location == nil, features: Features(names: said.features),
      advertisedNoFeature: !said.hasTrueFeature, lineDigest: Digest.sha256(text))
  }
}

/// The values of a handshake before they are checked.
private struct HandshakeFields {
  let allowsClearnet: Bool?
  var isJoinMarket = false
  var isVersion5 = false
  var isOurNetwork = false
  var isPeer = true
  var nick: Nick?
  /// Nil while missing or unusable.
  var location: Location?
  var isHostBad = false
  var isFeaturesAnObject = true
  var features: [String] = []
  var featureCount = 0
  var hasTrueFeature = false

  init(_ bytes: ByteView, network: Network, allowsClearnet: Bool?)
    throws(EnvelopeError)
  {
    self.allowsClearnet = allowsClearnet
    var reader = JSONReader(bytes, maxNesting: 10, uniqueKeys: true)
    var cursor = try reader.openObject()
    while let key = try reader.nextKey(&cursor) {
      try read(key, &reader, network: network)
    }
    try reader.end()
  }

  /// Returns the first fault, in the order of the table.
  var firstFault: HandshakeRejection? {
    if !isJoinMarket { return .appName }
    if !isVersion5 { return .protocolVersion }
    if !isOurNetwork { return .network }
    if !isPeer { return .directory }
    if nick == nil { return .nick }
    if isHostBad { return .location }
    if !isFeaturesAnObject { return .features }
    return featureCount > Features.maximumCount ? .tooManyFeatures : nil
  }

  private enum Field: String {
    case appName = "app-name"
    case version = "proto-ver"
    case location = "location-string"
    case network, directory, nick, features
  }

  private mutating func read(_ key: JSONReader.Text, _ reader: inout JSONReader, network: Network)
    throws(EnvelopeError)
  {
    let field = Field(rawValue: String(decoding: reader.decoded(key), as: UTF8.self))
    switch (field, try reader.peek()) {
    case (.appName, .string):
      let name = reader.decoded(try reader.string())
      isJoinMarket = name.map(\.lowercased).elementsEqual("joinmarket".utf8)
    case (.version, .number):
      isVersion5 = reader.bytes.part(try reader.number()).isEqual(to: "5")
    case (.network, .string):
      let name = reader.decoded(try reader.string())
      isOurNetwork = name.withView { Network(name: $0) } == network
    case (.directory, .literal):
      isPeer = try reader.literal() == false
    case (.nick, .string):
      nick = Nick(reader.decoded(try reader.string()))
    case (.location, .string):
      let text = reader.decoded(try reader.string())
      text.withView { readLocation($0, network: network) }
    case (.features, .object):
      try readFeatures(&reader)
    case (let field, _):
      if field == .directory { isPeer = false }
      if field == .features { isFeaturesAnObject = false }
      try reader.skip()
    }
  }

  private mutating func readLocation(_ text: ByteView, network: Network) {
    if text.isEqual(to: "NOT-SERVING-ONION") {
      location = .notServing
      return
    }
    do throws(OnionEndpointError) {
      location = .onion(
        try OnionEndpoint(text, network: network, allowsClearnet: allowsClearnet))
    } catch {
      isHostBad = error == .badHost
    }
  }

  private mutating func readFeatures(_ reader: inout JSONReader) throws(EnvelopeError) {
    var cursor = try reader.openObject()
    while let name = try reader.nextKey(&cursor) {
      featureCount += 1
      guard try reader.peek() == .literal else {
        try reader.skip()
        continue
      }
      guard try reader.literal() == true else { continue }
      hasTrueFeature = true
      features.append(String(decoding: reader.decoded(name), as: UTF8.self))
    }
  }
}

/// The relay's answer to a handshake, type 795.
package enum HandshakeReply {
  /// Appends the whole frame with its CR LF. The keys and their order are what cs clients need.
  package static func append(
    accepted: Bool, features: Features, nick: Nick, network: Network, motd: String,
    to out: inout [UInt8]
  ) {
    var text: [UInt8] = []
    text.append("{\"app-name\": \"joinmarket\", \"directory\": true, ")
    text.append("\"proto-ver-min\": 5, \"proto-ver-max\": 5, \"features\": {")
    let flags = features.names.map { "\"\($0)\": true" }.joined(separator: ", ")
    text.append(contentsOf: flags.utf8)
    text.append("}, \"accepted\": ")
    if accepted { text.append("true") } else { text.append("false") }
    text.append(", \"nick\": \"")
    nick.append(to: &text)
    text.append("\", \"network\": \"")
    text.append(contentsOf: network.rawValue.utf8)
    text.append("\", \"motd\": \"")
    Array(motd.utf8).withView { JSONText.encode($0, into: &text) }
    text.append("\"}")
    Frame.append(.directoryHandshake, text: text, to: &out)
  }
}
