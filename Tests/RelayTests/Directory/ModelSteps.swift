import NickKeys
/// Random events for a directory. A step refers to a connection by its index among the open ones,
/// so it stays valid when earlier steps are left out.
import TestSupport

@testable import Wire

struct ModelStep: CustomStringConvertible {
  enum Kind: CaseIterable {
    case connect, handshake, prove, publicLine, privateLine, list, listOn, ping, other, disconnect,
      leave
    case time, limits, circuit, stop
  }

  var kind: Kind
  /// Selects the connection among the open ones.
  var who: Int
  /// Selects the variant of the step.
  var form: Int
  var a: Int
  var b: Int

  static let weights: [(Kind, Int)] = [
    (.connect, 9), (.handshake, 12), (.prove, 9), (.publicLine, 18), (.privateLine, 18), (.list, 4),
    (.listOn, 8), (.ping, 4), (.other, 3), (.disconnect, 1), (.leave, 3), (.time, 12),
    (.limits, 1), (.circuit, 2),
  ]
  static let weightSum = weights.reduce(0) { $0 + $1.1 }

  static func random(_ random: inout SplitMix64) -> ModelStep {
    var weight = random.below(weightSum)
    var kind = Kind.connect
    for (candidate, share) in weights {
      kind = candidate
      weight -= share
      if weight < 0 { break }
    }
    return ModelStep(
      kind: kind, who: random.below(1_000), form: random.below(1_000), a: random.below(1_000),
      b: random.below(1_000))
  }

  var description: String { "\(kind) who \(who) form \(form) a \(a) b \(b)" }

  // MARK: The values that steps choose from

  /// The keys behind the nicks, the same in every run. `nonisolated(unsafe)` is safe: they never
  /// change, and only one test uses them.
  nonisolated(unsafe) static let keys = (1...7).map {
    NickKey(secret: [UInt8](repeating: $0, count: 32))
  }
  static let nicks = keys.map(\.nick)
  static let locations = [
    "NOT-SERVING-ONION", "NOT-SERVING-ONION", "one.test:5222", "two.test:5222", "three.test:80",
  ]
  static let featureSets: [[String]] = [
    [], [], ["ping"], ["ping", "peerlist_features"], ["peerlist_features"], ["zeta", "alpha"],
    ["ping", "push_encrypted", "neutrino_compat", "peerlist_features"], ["nick_auth"],
    ["nick_auth", "ping"], ["nick_auth", "peerlist_features"],
  ]
  static let commands = [
    "orderbook", "sw0reloffer 0 1000 2000 3 0.1", "sw0absoffer 1 5 6!reloffer 2 7 8", "cancel 0",
    "cancel 1!swabsoffer 3 4 5", "hello there", "relorder 4", "absorder", "orderbook!hp2",
    "swreloffer 5 1!absoffer 5 2",
  ]
  static let manyOffers = (10..<90).map { "sw0reloffer \($0) 1" }.joined(separator: "!")
  static let longText = String(repeating: "x", count: 40_000)

  /// Returns the line of a public message.
  func publicLine(from nick: String) -> String {
    switch form % 40 {
    case 0: "\(nick)!PUBLIC"
    case 1: "\(nick)!PUBLIC!"
    case 2: "\(Self.nicks[a % 7])!PUBLIC!hello"
    case 3: "\(nick)!\(Self.nicks[a % 7])!hello"
    case 4: "hello"
    case 5: "\(nick)!PUBLIC!" + Self.manyOffers
    case 6 where b < 300: "\(nick)!PUBLIC!" + Self.longText
    case 7: "\(nick)!public!hello"
    case 8: "!PUBLIC!hello"
    default: "\(nick)!PUBLIC!" + Self.commands[a % Self.commands.count]
    }
  }

  func privateLine(from nick: String) -> String {
    let other = Self.nicks[a % 7]
    return switch form % 40 {
    case 0: "\(nick)!\(other)"
    case 1: "\(nick)!\(other)!"
    case 2: "\(Self.nicks[b % 7])!\(other)!fill"
    case 3: "\(nick)!\(DirectoryHarness.relayNick)!pong"
    case 4: "\(nick)!nobody!fill"
    case 5: "\(nick)!\(DirectoryHarness.nick(1))!fill"
    case 6 where b < 300: "\(nick)!\(other)!" + Self.longText
    case 7, 8: "\(nick)!\(nick)!to myself"
    case 9: "\(nick)!PUBLIC!fill"
    default: "\(nick)!\(other)!fill \(b)"
    }
  }

  var shaken: Shaken {
    let fault: HandshakeRejection? =
      switch form % 60 {
      case 0: .appName
      case 1: .protocolVersion
      case 2: .network
      case 3: .directory
      case 4: .nick
      default: nil
      }
    // Two of the nicks are chosen more often, so that many connections compete for them.
    return Shaken(
      nick: Self.nicks[a % 2 == 0 ? a / 2 % 2 : a / 2 % 7],
      location: Self.locations[b % Self.locations.count],
      features: Self.featureSets[form / 60 % Self.featureSets.count], fault: fault)
  }

  var handshakeLine: String {
    let shaken = shaken
    return DirectoryHarness.handshake(
      shaken.fault == .nick ? "J5short" : shaken.nick, at: shaken.location, shaken.features,
      app: shaken.fault == .appName ? "bitcoin" : "JoinMarket",
      version: shaken.fault == .protocolVersion ? "4" : "5",
      network: shaken.fault == .network ? "mainnet" : "RegTest",
      directory: shaken.fault == .directory ? "true" : "false")
  }

  /// The time that passes, in milliseconds: mostly short, sometimes longer than every timeout.
  var milliseconds: Int {
    switch form % 20 {
    case 0..<8: 1 + a
    case 8..<14: 1_000 + a * 10
    case 14..<18: 10_000 + a * 50
    case 18: 100_000 + a * 500
    default: 600_000 + a * 1_200
    }
  }

  /// Codes that are neither messages nor requests.
  static let otherCodes = [799, 793, 797, 789, 12, 4_000_000, 785, 803, 795, 685_000]
}
