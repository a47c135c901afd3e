import Testing
import Units

@testable import Wire

@Suite struct HandshakeTests {
  /// Returns a valid handshake in which `changes` replace, add or (with "") remove members.
  private func line(_ changes: KeyValuePairs<String, String> = [:]) -> String {
    var members: [(String, String)] = [
      ("app-name", #""joinmarket""#), ("directory", "false"),
      ("location-string", #""\#(OnionEndpointTests.onion):5222""#), ("proto-ver", "5"),
      ("features", #"{"ping": true}"#), ("nick", #""J5AAAAAAAAAAAAAA""#),
      ("network", #""mainnet""#),
    ]
    for (key, value) in changes {
      if let at = members.firstIndex(where: { $0.0 == key }) {
        members[at].1 = value
      } else {
        members.append((key, value))
      }
    }
    let kept = members.filter { !$0.1.isEmpty }.map { #""\#($0.0)": \#($0.1)"# }
    return "{\(kept.joined(separator: ", "))}"
  }

  private func parse(_ line: String, _ network: Network = .mainnet)
    -> Result<HandshakeRequest, HandshakeError>
  {
    var escaped: [UInt8] = []
    line.withWireBytes { JSONText.encode($0, into: &escaped) }
    return escaped.withView { bytes in
      Result { () throws(HandshakeError) in
        try HandshakeRequest.parse(line: bytes, network: network)
      }
    }
  }

  @Test("A valid handshake is read with all its values")
  func good() throws {
    let offer = try parse(line()).get()
    #expect(offer.nick == Nick("J5AAAAAAAAAAAAAA"))
    #expect(offer.location.text == OnionEndpointTests.onion + ":5222")
    #expect(!offer.locationWasUnusable)
    #expect(offer.features.known == .ping)
    #expect(!offer.advertisedNoFeature)
    #expect(offer.lineDigest == Digest.sha256(Array(line().utf8)))
  }

  @Test(
    "A line that is no JSON object is no handshake",
    arguments: [
      "", "x", "[]", "null", #""a""#, "{", #"{"nick": "a"} x"#, #"{"x": NaN}"#,
      #"{"nick": "a", "nick": "a"}"#, #"{"nick": "a", "n\u0069ck": "a"}"#,
      #"{"features": {"a": true, "a": true}}"#, #"{"x": [[[[[[[[[[1]]]]]]]]]]}"#,
      #"{"x": "\ud800"}"#,
    ])
  func notAnObject(_ line: String) { #expect(parse(line).failure == .notAHandshake) }

  @Test(
    "A handshake that the relay cannot serve is rejected with its reason",
    arguments: [
      ("app-name", #""joinmarkets""#, .appName), ("app-name", "", .appName),
      ("app-name", "1", .appName),
      ("proto-ver", "4", .protocolVersion), ("proto-ver", "6", .protocolVersion),
      ("proto-ver", "5.0", .protocolVersion), ("proto-ver", #""5""#, .protocolVersion),
      ("proto-ver", "true", .protocolVersion), ("proto-ver", "", .protocolVersion),
      ("network", #""testnet""#, .network), ("network", "", .network),
      ("network", "null", .network),
      ("directory", "true", .directory), ("directory", "0", .directory),
      ("directory", "null", .directory),
      ("directory", #""false""#, .directory), ("directory", "{}", .directory),
      ("nick", #""a;b,c""#, .nick), ("nick", "", .nick), ("nick", "7", .nick),
      ("nick", #""J5AAAAAAAAAAAAA0""#, .nick), ("nick", #""J5AAAAAAAAAAAAAAA""#, .nick),
      ("location-string", #""127.0.0.1:5222""#, .location),
      (
        "location-string",
        #""nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoya.onion:5222""#, .location
      ),
      ("features", "[]", .features), ("features", "null", .features),
      ("features", #""ping""#, .features),
    ] as [(String, String, HandshakeRejection)])
  func rejections(_ key: String, _ value: String, _ rejection: HandshakeRejection) {
    #expect(parse(line([key: value])).failure == .rejected(rejection))
    #expect(!rejection.reason.isEmpty)
  }

  @Test("Of several faults the first in the table is reported")
  func order() {
    let faults: [(String, String, HandshakeRejection)] = [
      ("app-name", "1", .appName), ("proto-ver", "4", .protocolVersion), ("network", "1", .network),
      ("directory", "true", .directory), ("nick", "1", .nick),
      ("location-string", #""a:1""#, .location), ("features", "[]", .features),
    ]
    for first in faults.indices {
      var broken = line()
      for (key, value, _) in faults[first...] {
        broken = replace(key, value, in: broken)
      }
      #expect(parse(broken).failure == .rejected(faults[first].2))
    }
  }

  private func replace(_ key: String, _ value: String, in line: String) -> String {
    // In `line()`, each member ends at ", \"" or at the end of the object.
    guard let start = line.firstRange(of: "\"\(key)\": ")?.upperBound else { return line }
    let rest = line[start...]
    let end = rest.firstRange(of: ", \"")?.lowerBound ?? line.index(before: line.endIndex)
    return line[..<start] + value + line[end...]
  }

  @Test("Names are compared in any letter case, and a directory flag may be missing")
  func letterCase() {
    #expect(parse(line(["app-name": #""JoinMarket""#])).failure == nil)
    #expect(parse(line(["network": #""MAINNET""#])).failure == nil)
    #expect(parse(line(["network": #""SigNet""#]), .signet).failure == nil)
    #expect(parse(line(["directory": ""])).failure == nil)
    #expect(parse(line(["extra": #"{"a": [1]}"#])).failure == nil)
  }

  @Test(
    "An unreadable location counts as none, and is distinguished from NOT-SERVING-ONION",
    arguments: [
      ("", true), (#""""#, true), ("5", true), (#""nocolon""#, true), (#""a.onion:""#, true),
      (#""a.onion:99999""#, true), (#""NOT-SERVING-ONION""#, false),
    ])
  func unusableLocations(_ value: String, _ unusable: Bool) throws {
    let offer = try parse(line(["location-string": value])).get()
    #expect(offer.location == .notServing)
    #expect(offer.locationWasUnusable == unusable)
  }

  @Test("On regtest any host and port is a location")
  func regtest() throws {
    let handshake = line(["location-string": #""127.0.0.1:5222""#, "network": #""regtest""#])
    #expect(try parse(handshake, .regtest).get().location.text == "127.0.0.1:5222")
  }

  @Test("Only features that are true and have valid names are taken")
  func features() throws {
    let said =
      #"{"ping": true, "a+b": true, "x": false, "y": 1, "z": "true", "zz": null, "v": {"a": 1}}"#
    #expect(try parse(line(["features": said])).get().features.listText == "ping")
    #expect(try parse(line(["features": "{}"])).get().advertisedNoFeature)
    #expect(try parse(line(["features": ""])).get().advertisedNoFeature)
    #expect(try parse(line(["features": #"{"ping": false}"#])).get().advertisedNoFeature)
    #expect(try !parse(line(["features": #"{"a+b": true}"#])).get().advertisedNoFeature)
  }

  @Test("32 features are taken and 33 are not")
  func featureCount() throws {
    func many(_ n: Int) -> String {
      "{" + (0..<n).map { #""f\#($0)": true"# }.joined(separator: ",") + "}"
    }
    #expect(try parse(line(["features": many(32)])).get().features.names.count == 32)
    #expect(parse(line(["features": many(33)])).failure == .rejected(.tooManyFeatures))
  }

  @Test("The reply has the keys that cs clients need, in their order")
  func reply() throws {
    var out: [UInt8] = []
    HandshakeReply.append(
      accepted: true, features: Features([.ping, .peerlistFeatures, .nickAuth]),
      nick: try #require(Nick("J5DRZSFDwhucsshM")), network: .regtest,
      motd: "Hé \"you\"\nversion: 1",
      to: &out)
    #expect(
      text(out)
        == #"{"type": 795, "line": "{\"app-name\": \"joinmarket\", "#
        + #"\"directory\": true, \"proto-ver-min\": 5, "#
        + #"\"proto-ver-max\": 5, \"features\": {\"nick_auth\": true, "#
        + #"\"peerlist_features\": true, \"ping\": true}, "#
        + #"\"accepted\": true, \"nick\": \"J5DRZSFDwhucsshM\", \"network\": \"regtest\", "#
        + #"\"motd\": \"H\\u00e9 \\\"you\\\"\\nversion: 1\"}"}"# + "\r\n")
  }

  @Test("A rejecting reply has accepted false, and may advertise nothing")
  func rejectingReply() throws {
    var out: [UInt8] = []
    HandshakeReply.append(
      accepted: false, features: Features(), nick: try #require(Nick("J5DRZSFDwhucsshM")),
      network: .mainnet, motd: "Rejected: \(HandshakeRejection.network.reason)", to: &out)
    #expect(text(out).contains(#"\"features\": {}, \"accepted\": false, "#))
    #expect(text(out).contains(#"\"motd\": \"Rejected: wrong network\"}"}"#))
  }
}
