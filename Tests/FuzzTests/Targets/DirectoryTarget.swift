// Drives a whole directory with events that the input encodes in a few bytes each: connections,
// handshakes, valid and forged frames, proofs, departures, time, limits. `DirectoryWatch` performs
// its actions as the server would and checks all promises after every event.

import Units

@testable import Directory
@testable import Wire

struct DirectoryTarget {
  static func run(_ input: ByteView) throws {
    var target = DirectoryTarget(input)
    while let event = target.byte() { try target.perform(event) }
    try target.watch.desert()
  }

  private let bytes: ByteView
  private var at = 0
  private let watch = DirectoryWatch()
  /// The last sixteen peer ids. Most of them are still connected.
  private var peers: [PeerID] = []

  private init(_ input: ByteView) { bytes = input }

  private static let nicks =
    FuzzOwner.all.map(\.nick) + ["J5AAAAAAAAAAAAAA", "J5BBBBBBBBBBBBBB", DirectoryWatch.relayNick]
  private static let locations = [
    FuzzOwner.directoryID, "NOT-SERVING-ONION", "", "host.example:5222", "a;b,c:1",
  ]
  private static let featureSets = [
    "{}", #"{"ping": true}"#, #"{"peerlist_features": true}"#,
    #"{"peerlist_features": true, "ping": true}"#, #"{"x,y;z+D": true, "b": true, "a": true}"#,
    #"{"nick_auth": true}"#, #"{"nick_auth": true, "ping": true, "peerlist_features": true}"#,
    "[]",
  ]
  private static let commands = [
    "sw0reloffer 0 1 2 3", "sw0absoffer 1 x!reloffer 2", "cancel 0", "orderbook", "hp2", "",
    "absorder \u{e9}\u{7f}\"\\ 1", "cancel 1!sw0reloffer 1",
  ]
  private static let types: [UInt32] = [
    685, 687, 789, 791, 793, 795, 797, 798, 799, 801, 803, 805, 807, 0, 70_000, .max,
  ]
  private static let pauses: [Duration] = [
    .zero, .milliseconds(250), .seconds(1), .seconds(5), .seconds(10), .seconds(30), .seconds(60),
    .seconds(601),
  ]

  private mutating func byte() -> UInt8? {
    guard at < bytes.count else { return nil }
    at += 1
    return bytes[at - 1]
  }

  private mutating func pick<T>(_ choices: [T]) -> T { choices[Int(byte() ?? 0) % choices.count] }

  private mutating func take(_ count: Int) -> [UInt8] {
    let part = bytes[at..<min(at + count, bytes.count)]
    at += part.count
    return Array(part)
  }

  private mutating func perform(_ event: UInt8) throws {
    if event & 15 < 2 || peers.isEmpty { return try connect() }
    let peer = pick(peers)
    switch event & 15 {
    case 2: try shakeHands(peer)
    case 3: try shakeHandsAsOwner(peer)
    case 4: try watch.identify(peer, circuit: CircuitID(value: UInt32((byte() ?? 0) & 3)))
    case 5: try sendAnything(peer)
    case 6: try sendPublicly(peer)
    case 7: try sendPrivately(peer)
    case 8: try watch.receive(791, [], from: peer)
    case 9: try watch.receive(pick(Self.types), take(Int(byte() ?? 0)), from: peer)
    case 10: try prove(peer)
    case 11: try watch.leave(peer, pick(CloseReason.allCases))
    case 12: try watch.pass(pick(Self.pauses))
    case 13: try watch.continueList(of: peer)
    case 14: changeRules()
    default: if byte() == 0xff { watch.stop() } else { try watch.receive(798, [], from: peer) }
    }
  }

  private mutating func connect() throws {
    guard let id = try watch.connect() else { return }
    peers.append(id)
    if peers.count > 16 { peers.removeFirst() }
  }

  private mutating func shakeHands(_ peer: PeerID) throws {
    let line =
      #"{"app-name": "JoinMarket", "directory": false, "location-string": "#
      + #""\#(pick(Self.locations))""#
      + #", "proto-ver": 5, "features": \#(pick(Self.featureSets)), "nick": "\#(pick(Self.nicks))""#
      + #", "network": "mainnet"}"#
    try watch.receive(793, Array(line.utf8), from: peer)
  }

  private mutating func shakeHandsAsOwner(_ peer: PeerID) throws {
    let owner = pick(FuzzOwner.all)
    if let challenge = owner.challengeBytes { watch.directory.proofs.newNonce = { challenge } }
    try watch.receive(793, Array(owner.handshake.utf8), from: peer)
  }

  private mutating func sendAnything(_ peer: PeerID) throws {
    let line = "\(pick(Self.nicks))!\(pick(Self.nicks + ["PUBLIC"]))!\(pick(Self.commands))"
    try watch.receive(pick(Self.types), Array(line.utf8), from: peer)
  }

  private mutating func sendPublicly(_ peer: PeerID) throws {
    let line = "\(watch.nick(of: peer))!PUBLIC!\(pick(Self.commands))"
    try watch.receive(687, Array(line.utf8), from: peer)
  }

  /// One byte value makes a line that is too long for old clients.
  private mutating func sendPrivately(_ peer: PeerID) throws {
    let line = "\(watch.nick(of: peer))!\(pick(Self.nicks))!\(pick(Self.commands))"
    let padding = [UInt8](repeating: 0x61, count: byte() == 0xfe ? 40_000 : 0)
    try watch.receive(685, Array(line.utf8) + padding, from: peer)
  }

  private mutating func prove(_ peer: PeerID) throws {
    let choice = Int(byte() ?? 0)
    if choice % 5 < FuzzOwner.all.count {
      try watch.prove(peer, FuzzOwner.all[choice % 5].proof)
    } else {
      try watch.prove(peer, take(choice))
    }
  }

  private mutating func changeRules() {
    let (what, value) = (byte() ?? 0, Int(byte() ?? 0))
    switch what % 10 {
    case 0: watch.directory.limits.peers = value & 7
    case 1: watch.directory.limits.pending = value & 15
    case 2: watch.directory.limits.peersPerCircuit = value & 3
    case 3: watch.directory.limits.violations = value & 3
    case 4: watch.directory.limits.messages = Rate(count: value & 3, per: .seconds(1), burst: value)
    case 5: watch.directory.policy = value & 1 == 0 ? watch.policy : nil
    case 6: watch.directory.requiresProof = value & 3 == 3
    case 7: watch.directory.identity.location = value & 1 == 0 ? watch.location : nil
    case 8:
      watch.directory.limits.fanout = FanOutBudget.Limits(
        deliveries: value & 3, bytes: 0, orderbookRequests: value >> 2 & 3)
    default: watch.directory.limits.longestLine = [65_536, 200, 40_000, 100][value & 3]
    }
  }
}
