/// A directory's answers in the handshake and the proof of a nick. They are read leniently, because
/// the probe works with every directory and reports itself what clients would refuse.
import Units
import Wire

/// The content of a 795.
struct DirectoryHandshake: Decodable {
  /// A feature is offered when its value is `true`. Other values are accepted and mean no.
  struct Flag: Decodable {
    let isOffered: Bool

    init(from decoder: any Decoder) throws {
      isOffered = (try? decoder.singleValueContainer().decode(Bool.self)) ?? false
    }
  }

  enum CodingKeys: String, CodingKey {
    case appName = "app-name"
    case isDirectory = "directory"
    case lowestVersion = "proto-ver-min"
    case highestVersion = "proto-ver-max"
    case features, accepted, nick, network, motd
  }

  let appName: String
  let isDirectory: Bool
  let lowestVersion: Int
  let highestVersion: Int
  let features: [String: Flag]
  let accepted: Bool
  let nick: String
  let network: String
  /// No client needs this key.
  let motd: String?

  var offered: [String] { features.filter { $0.value.isOffered }.keys.sorted() }

  /// The reason why this answer refuses a peer of this network, or nil.
  func refusal(network wanted: Network) -> String? {
    let serves = network.escapedForOneLine
    if network.lowercased() != wanted.rawValue {
      return "wrong network: it serves \(serves), not \(wanted.rawValue); see --network"
    }
    if !accepted { return Self.refusal(motd ?? "") }
    if appName != "joinmarket" { return "it calls itself \(appName.quotedForOneLine)" }
    if !isDirectory { return "it is not a directory by its own account" }
    if !(lowestVersion...max(lowestVersion, highestVersion)).contains(5) {
      return "it speaks protocol \(lowestVersion) to \(highestVersion), peers speak 5"
    }
    return nil
  }

  private static func refusal(_ motd: String) -> String {
    let said = motd.quotedForOneLine
    if motd.contains("Maximum peers reached") {
      return "full: it says \(said); raise its MAX_PEERS, or try again later"
    }
    if motd.contains("verified nick authentication required") {
      return "it wants every peer to prove its nick: it says \(said); see --no-proof"
    }
    return motd.isEmpty ? "it gives no reason" : "it says \(said)"
  }
}

/// The content of an 803.
struct NickChallenge: Decodable {
  enum CodingKeys: String, CodingKey {
    case challenge
    case directoryID = "directory-id"
  }

  let challenge: String
  let directoryID: String
}

/// The content of an 807.
struct NickVerdict: Decodable {
  let code: String
  let verified: Bool

  var words: String {
    switch code {
    case "malformed": "it calls the proof malformed"
    case "expired": "it calls the proof expired"
    case "invalid": "it calls the proof invalid"
    case "policy": "it refuses this peer by policy; it may be full"
    default: "it answers the proof with \(code.quotedForOneLine)"
    }
  }
}

/// The nicks in the frames of a peerlist.
struct PeerlistCount {
  private(set) var frames = 0
  private var nicks: Set<Substring> = []

  var peers: Int { nicks.count }

  /// Adds one frame. Entries of peers that have left do not count.
  mutating func add(_ line: String) {
    frames += 1
    for entry in line.split(separator: ",") {
      let fields = entry.split(separator: ";", omittingEmptySubsequences: false)
      guard fields.count >= 2, fields.last != "D" else { continue }
      nicks.insert(fields[0])
    }
  }
}
