// The frames that a directory must send, computed from protocol.md alone: a few dictionaries, no
// optimisation, no code of the relay. The replay compares every received byte with it.

import Foundation

struct Model {
  let relayNick: String
  private var peers: [Int: Person] = [:]
  /// Pending connections whose nick another connection holds.
  private var waiting: [Int: (nick: String, holder: Int)] = [:]
  /// Frames that each connection must receive now, in order.
  private(set) var outgoing: [Int: [String]] = [:]
  /// Connections that the relay must close after these frames.
  private(set) var closed: Set<Int> = []

  private struct Person {
    var nick: String
    var location: String
    var features: [String]
    var hasOffers = false
    /// Whether other peers may believe that its nick is at this directory.
    var hasSpoken = false

    var isListed: Bool { hasOffers || location != "NOT-SERVING-ONION" }

    func entry(for receiver: Person) -> String {
      let text = "\(nick);\(location)"
      guard receiver.features.contains("peerlist_features"), !features.isEmpty else { return text }
      return text + ";F:" + features.joined(separator: "+")
    }
  }

  private struct Envelope: Decodable {
    let type: Int
    let line: String
  }

  private struct Handshake: Decodable {
    let nick: String
    let network: String
    let location: String
    let features: [String: Bool]

    enum CodingKeys: String, CodingKey {
      case nick, network, features
      case location = "location-string"
    }
  }

  init(relayNick: String) { self.relayNick = relayNick }

  /// Clears the expectations that have been compared.
  mutating func settle() {
    outgoing = [:]
    closed = []
  }

  mutating func receive(_ bytes: String, from conn: Int) throws {
    for frame in bytes.split(separator: "\r\n").map({ $0 + "\r\n" }) {
      try receive(frame: String(frame), from: conn)
    }
  }

  private mutating func receive(frame: String, from conn: Int) throws {
    let envelope = try JSONDecoder().decode(Envelope.self, from: Data(frame.utf8))
    guard let sender = peers[conn] else {
      return try greet(envelope, conn)
    }
    // Any frame shows that the holder of a contested nick is active.
    for (claimant, claim) in waiting where claim.holder == conn {
      waiting[claimant] = nil
      reject(claimant, "Peer nick already registered: \(claim.nick)")
    }
    let parts = envelope.line.split(separator: "!", maxSplits: 2, omittingEmptySubsequences: false)
    if envelope.type == 687 || envelope.type == 685 { peers[conn]?.hasSpoken = true }
    switch envelope.type {
    case 687:
      for (other, _) in peers where other != conn { send(frame, to: other) }
      if parts[2].contains("reloffer") || parts[2].contains("absoffer") {
        peers[conn]?.hasOffers = true
      }
    case 685:
      for (other, person) in peers where person.nick == parts[1] {
        send(frame, to: other)
        guard sender.location != "NOT-SERVING-ONION" else { continue }
        send(Frames.frame(789, sender.entry(for: person)), to: other)
      }
    case 791:
      let listed = peers.keys.sorted().filter { $0 != conn }.compactMap { peers[$0] }
        .filter(\.isListed)
      send(
        Frames.frame(789, listed.map { $0.entry(for: sender) }.joined(separator: ",")), to: conn)
    case 799: break
    default: throw TestFailure("the model knows no \(envelope.type)")
    }
  }

  private mutating func greet(_ envelope: Envelope, _ conn: Int) throws {
    guard envelope.type == 793 else { throw TestFailure("no handshake: \(envelope)") }
    let hello = try JSONDecoder().decode(Handshake.self, from: Data(envelope.line.utf8))
    guard hello.network == "regtest" else { return reject(conn, "wrong network") }
    if let holder = peers.first(where: { $0.value.nick == hello.nick }) {
      guard holder.value.features.contains("ping") else {
        throw TestFailure("the model knows no challenge of \(holder)")
      }
      waiting[conn] = (hello.nick, holder.key)
      return send(Frames.ping, to: holder.key)
    }
    peers[conn] = Person(
      nick: hello.nick, location: hello.location,
      features: hello.features.filter(\.value).keys.sorted())
    send(Frames.accepted(by: relayNick), to: conn)
  }

  mutating func leave(_ conn: Int) {
    guard let person = peers.removeValue(forKey: conn), person.isListed || person.hasSpoken
    else { return }
    for other in peers.keys {
      send(Frames.frame(789, "\(person.nick);\(person.location);D"), to: other)
    }
  }

  private mutating func reject(_ conn: Int, _ reason: String) {
    send(Frames.rejected(by: relayNick, reason), to: conn)
    closed.insert(conn)
  }

  private mutating func send(_ frame: String, to conn: Int) {
    outgoing[conn, default: []].append(frame)
  }

  var present: [Int] { peers.keys.sorted() }
}
