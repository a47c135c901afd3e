// Builds frames from plain strings as protocol.md specifies them. Shares no code with the relay, so
// that it does not share its mistakes.

/// The canonical form of a frame whose line has no other characters to escape than quotes and
/// backslashes.
enum Frames {
  static func frame(_ type: Int, _ line: String) -> String {
    #"{"type": \#(type), "line": "\#(quoted(line))"}"# + "\r\n"
  }

  static func quoted(_ text: String) -> String {
    var out = ""
    for character in text {
      if character == "\"" || character == "\\" { out += "\\" }
      out.append(character)
    }
    return out
  }

  static let ping = frame(798, "")
  static let pong = frame(799, "")

  static func accepted(by nick: String, motd: String = RelayProcess.motd) -> String {
    reply(true, nick, motd)
  }

  static func rejected(by nick: String, _ reason: String) -> String {
    reply(false, nick, "Rejected: \(reason)")
  }

  private static func reply(_ accepted: Bool, _ nick: String, _ motd: String) -> String {
    frame(
      795,
      #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "proto-ver-max": 5, "#
        + #""features": {"peerlist_features": true, "ping": true}, "accepted": \#(accepted), "#
        + #""nick": "\#(nick)", "network": "regtest", "motd": "\#(motd)"}"#)
  }

  /// A PEERLIST with these entries.
  static func peerlist(_ entries: String...) -> String {
    frame(789, entries.joined(separator: ","))
  }
}

/// The handshake of a peer.
struct Hello {
  var nick: String
  var location = "NOT-SERVING-ONION"
  /// The names of the features whose value is `true`.
  var features: [String] = []
  var network = "regtest"

  static let notServing = "NOT-SERVING-ONION"

  /// A current client without an onion service.
  static func taker(_ number: Int) -> Hello {
    Hello(nick: nickNumber(number), features: ["peerlist_features", "ping"])
  }

  /// A current client with an onion service. On regtest any host name is valid.
  static func maker(_ number: Int) -> Hello {
    Hello(
      nick: nickNumber(number), location: "maker\(number).onion:5222",
      features: ["peerlist_features", "ping"])
  }

  /// A joinmarket-clientserver client, which sends no features.
  static func oldTaker(_ number: Int) -> Hello { Hello(nick: nickNumber(number)) }

  static func oldMaker(_ number: Int) -> Hello {
    Hello(nick: nickNumber(number), location: "maker\(number).onion:5222")
  }

  var json: String {
    let flags = features.map { #""\#($0)": true"# }.joined(separator: ", ")
    return #"{"app-name": "joinmarket", "directory": false, "location-string": "\#(location)", "#
      + #""proto-ver": 5, "features": {\#(flags)}, "nick": "\#(nick)", "network": "\#(network)"}"#
  }

  var frame: String { Frames.frame(793, json) }

  /// `nick;host:port`, the entry for peers without peerlist_features.
  var entry: String { "\(nick);\(location)" }
  var entryWithFeatures: String {
    features.isEmpty ? entry : entry + ";F:" + features.sorted().joined(separator: "+")
  }
  var departure: String { Frames.peerlist(entry + ";D") }
}

/// Returns a well-formed nick for each number.
func nickNumber(_ number: Int) -> String {
  let digits = Array("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
  var rest = number
  var text = ""
  while rest > 0 {
    text.append(digits[rest % digits.count])
    rest /= digits.count
  }
  return "J5" + text + String(repeating: "O", count: 14 - text.count)
}
