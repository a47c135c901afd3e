// Frames as protocol.md writes them, made here from nothing but strings, so that no mistake of the
// relay is repeated.

/// The canonical form of a frame whose line needs no escapes but for quotes and backslashes.
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

/// What a peer says of itself.
struct Hello {
  var nick: String
  var location = "NOT-SERVING-ONION"
  /// Those with the value `true`.
  var features: [String] = []
  var network = "regtest"

  static let notServing = "NOT-SERVING-ONION"

  /// A client of today that serves nothing.
  static func taker(_ number: Int) -> Hello {
    Hello(nick: nickNumber(number), features: ["peerlist_features", "ping"])
  }

  /// A client of today that serves an onion. On regtest any host will do.
  static func maker(_ number: Int) -> Hello {
    Hello(
      nick: nickNumber(number), location: "maker\(number).onion:5222",
      features: ["peerlist_features", "ping"])
  }

  /// As clientserver says it: no feature at all.
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

  /// `nick;host:port`, as a list shows it to peers that did not ask for features.
  var entry: String { "\(nick);\(location)" }
  var entryWithFeatures: String {
    features.isEmpty ? entry : entry + ";F:" + features.sorted().joined(separator: "+")
  }
  var departure: String { Frames.peerlist(entry + ";D") }
}

/// A well-formed nick for each number.
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
