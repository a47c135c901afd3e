import Testing

/// The table of protocol.md §3: handshakes and their results.
enum HandshakeTable {
  enum Answer: Sendable {
    case accepted
    case rejected(String)
    /// Closed without a reply.
    case closed
  }

  /// A change to a valid handshake, and its result.
  struct Row: CustomTestStringConvertible, Sendable {
    let name: String
    let old: String
    let new: String
    let answer: Answer
    var testDescription: String { name }

    init(_ name: String, _ old: String, _ new: String, _ answer: Answer) {
      self.name = name
      self.old = old
      self.new = new
      self.answer = answer
    }
  }

  /// The valid handshake that the rows change.
  static let good =
    #"{"app-name": "joinmarket", "directory": false, "location-string": "maker.onion:5222", "#
    + #""proto-ver": 5, "features": {"ping": true}, "nick": "J5handshakeOOOOO", "network": "#
    + #""regtest"}"#

  static let badApp = Answer.rejected("unknown application")
  static let badVersion = Answer.rejected("protocol version 5 is required")
  static let badNetwork = Answer.rejected("wrong network")
  static let badDirectory = Answer.rejected("directories are not accepted as peers")
  static let badNick = Answer.rejected("invalid nick")
  static let badFeatures = Answer.rejected("features are not an object")

  static let rows =
    [
      Row("as it should be", "", "", .accepted),
      Row("app-name in capitals", #""joinmarket""#, #""JoinMarket""#, .accepted),
      Row("another app-name", #""joinmarket""#, #""joinmarke""#, badApp),
      Row("no app-name", #""app-name""#, #""app""#, badApp),
      Row("app-name as a number", #""joinmarket""#, "1", badApp),
      Row("version 4", ": 5,", ": 4,", badVersion),
      Row("version 6", ": 5,", ": 6,", badVersion),
      Row("version 5.0", ": 5,", ": 5.0,", badVersion),
      Row("version as a string", ": 5,", #": "5","#, badVersion),
      Row("no version", #""proto-ver""#, #""proto""#, badVersion),
      Row("network in capitals", #""regtest""#, #""RegTest""#, .accepted),
      Row("another network", #""regtest""#, #""mainnet""#, badNetwork),
      Row("no network", #""network""#, #""net""#, badNetwork),
      Row("a directory", #""directory": false"#, #""directory": true"#, badDirectory),
      Row("features as a list", #"{"ping": true}"#, #"["ping"]"#, badFeatures),
      Row("features null", #"{"ping": true}"#, "null", badFeatures),
      Row("no features", #""features""#, #""feat""#, .accepted),
      Row("33 features", #""ping": true"#, features(33), .rejected("too many features")),
      Row("32 features", #""ping": true"#, features(32), .accepted),
      Row("a feature that is a number", #""ping": true"#, #""ping": 1"#, .accepted),
      Row("no location", #""location-string""#, #""location""#, .accepted),
      Row("an empty location", "maker.onion:5222", "", .accepted),
      Row("a location without a port", "maker.onion:5222", "maker.onion", .accepted),
      Row("port 0", ":5222", ":0", .accepted),
      Row("port 65536", ":5222", ":65536", .accepted),
      Row(
        "a location that forges an entry", "maker.onion:5222", "a,J5x;b:5222",
        .rejected("invalid onion address")),
      Row("any host on regtest", "maker.onion:5222", "127.0.0.1:5222", .accepted),
      Row("an unknown key", #"{"app-name""#, #"{"x": [1], "app-name""#, .accepted),
      Row("not an object", good, "[]", .closed),
      Row("not JSON", good, "hello", .closed),
      Row("nothing", good, "", .closed),
      Row("cut short", #""regtest"}"#, #""regtest""#, .closed),
    ]
    + [
      "", "J5", "j5handshakeOOOOO", "X5handshakeOOOOO", "JxhandshakeOOOOO", "J5handshakeOOOO",
      "J5handshakeOOOOOO", "J5handshake0OOOO", "J5handshakeIOOOO", "J5handshakelOOOO",
      "J5handsh;keOOOOO", "J5handsh,keOOOOO", "J5handsh!keOOOOO", "J5handsh keOOOOO",
      "J5handshak\u{e9}OOOO",
    ].map { Row("nick \($0)", "J5handshakeOOOOO", $0, badNick) }

  private static func features(_ count: Int) -> String {
    (1...count).map { #""f\#($0)": true"# }.joined(separator: ", ")
  }

  static let firstFrames = [
    Frames.ping, Frames.frame(791, ""), Frames.frame(687, "J5handshakeOOOOO!PUBLIC!x"),
    Frames.frame(795, good), Frames.frame(801, ""), Frames.frame(12345, good), "hello\r\n",
  ]

  /// An onion service of Tor's specification (rend-spec-v3, "Encoding onion addresses").
  static let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
}
