/// The reference directory's timeouts, and its checks of lists.
@testable import Directory

extension ReferenceDirectory {
  static let idle = 600 * second
  static let hardEvict = 1_500 * second
  static let pongWait = 30 * second
  static let sweep = 60 * second

  /// The time of the next timeout, nil if there is none.
  var nextDeadline: Int64? {
    let claimants = peers.values.filter { $0.state == .pending || $0.state == .waiting }
      .map { $0.connectedAt + 30 * Self.second }
    let owing = peers.values.filter { $0.state == .proving }
      .map { $0.owesSince + 30 * Self.second }
    let silent = peers.values.compactMap { $0.probedAt.map { $0 + Self.pongWait } }
    return (claimants + owing + silent + nickTakeovers.values.map(\.deadline)).min()
  }

  /// Applies all timeouts up to now, except those of the sweep. Peers with the same timeout may be
  /// closed in any order; `silent` is the order of the real directory.
  mutating func expire(silent: [Int]) -> String? {
    for number in peers.keys.sorted() {
      guard let peer = peers[number], peer.state == .pending || peer.state == .waiting,
        peer.connectedAt + 30 * Self.second <= now
      else { continue }
      if peer.state == .waiting {
        received[number, default: []].append(
          reply(accepted: false, "Rejected: Peer nick already registered: \(peer.nick)"))
        close(number, .rejected)
      } else {
        close(number, .handshakeTimeout)
      }
    }
    for number in peers.keys.sorted() {
      guard let peer = peers[number], peer.state == .proving,
        peer.owesSince + 30 * Self.second <= now
      else { continue }
      fail(number, .expired)
    }
    let due = nickTakeovers.values.filter { $0.deadline <= now }.sorted {
      $0.deadline < $1.deadline
    }
    for challenge in due { close(challenge.holder, .displaced) }
    let dead = peers.filter { $0.value.probedAt.map { $0 + Self.pongWait <= now } ?? false }.keys
    guard Set(dead) == Set(silent) else { return "silent are \(dead.sorted()), gone \(silent)" }
    for number in silent { close(number, .pongTimeout) }
    return nil
  }

  /// Applies a probe of the sweep. Returns why it is wrong, nil if it is not.
  mutating func sweepAsks(_ number: Int) -> String? {
    guard let peer = peers[number], peer.state == .present else { return "asks a stranger" }
    guard peer.probedAt == nil else { return "asks \(number) twice" }
    guard now - peer.receivedAt > Self.idle else { return "asks \(number), which is not idle" }
    guard now - peer.receivedAt <= Self.hardEvict else { return "asks \(number), which is dead" }
    guard let question = probe(number) else { return "asks \(number), which cannot answer" }
    received[number, default: []].append(question)
    peers[number]?.probedAt = now
    return nil
  }

  mutating func sweepEvicts(_ number: Int) -> String? {
    guard let peer = peers[number], now - peer.receivedAt > Self.hardEvict else {
      return "evicts \(number) early"
    }
    if probe(number) == nil { return "evicts \(number), which could not be asked" }
    close(number, .idle)
    return nil
  }

  /// Applies that the sweep has made this peer evictable. Returns why it is wrong, nil if it is
  /// not.
  mutating func sweepMarks(_ number: Int) -> String? {
    guard let peer = peers[number], peer.state == .present else { return "marks a stranger" }
    guard now - peer.receivedAt > Self.idle else { return "marks \(number), which is not idle" }
    guard probe(number) == nil else { return "marks \(number), which could be asked" }
    peers[number]?.isEvictable = true
    return nil
  }

  /// Describes a peer that the sweep has missed. The sweep must check every peer once an interval,
  /// or once in two while the table grows.
  var neglected: String? {
    for number in present {
      guard let peer = peers[number] else { continue }
      let silence = now - peer.receivedAt
      if probe(number) == nil {
        if silence > Self.idle + 2 * Self.sweep, !peer.isEvictable {
          return "\(number) is not evictable"
        }
        continue
      }
      if silence > Self.hardEvict + 2 * Self.sweep { return "\(number) is long dead" }
      if silence > Self.idle + 2 * Self.sweep, peer.probedAt == nil, probe(number) != nil {
        return "\(number) was not asked"
      }
    }
    return nil
  }

  // MARK: Lists

  /// Checks frames of a list. Returns what is wrong with them, nil if nothing is.
  mutating func list(_ number: Int, _ frames: [String], more: Bool) -> String? {
    guard let reader = peers[number], var listing = reader.listing else {
      return frames.isEmpty && !more ? nil : "a list for \(number) that did not ask"
    }
    for frame in frames {
      let opening = "{\"type\": 789, \"line\": \""
      guard frame.hasPrefix(opening), frame.hasSuffix("\"}") else { return "no list: \(frame)" }
      let entries = frame.dropFirst(opening.count).dropLast(2).split(separator: ",")
      if entries.count > 20 { return "\(entries.count) entries in a frame" }
      if entries.isEmpty, !listing.isFirst { return "an empty frame behind others" }
      if listing.isFirst, let location {
        let ours = (proofs == .unknown ? "" : "nick_auth+") + "peerlist_features+ping"
        let own = reader.features.contains("peerlist_features") ? ";F:" + ours : ""
        guard entries.first == "\(DirectoryHarness.relayNick);\(location)\(own)" else {
          return "the relay is not first: \(frame)"
        }
        listing.entries += entries.dropFirst().map(String.init)
      } else {
        listing.entries += entries.map(String.init)
      }
      for entry in entries.dropFirst(listing.isFirst && location != nil ? 1 : 0)
      where !peers.contains(where: {
        $0.key != number && $0.value.isListed && $0.value.entry(for: reader) == entry
      }) {
        return "\(entry) has left, or is nobody's"
      }
      listing.isFirst = false
    }
    peers[number]?.listing = more ? listing : nil
    return more ? nil : verify(listing, reader)
  }

  private func verify(_ listing: Listing, _ reader: Peer) -> String? {
    if listing.isFirst { return "a list without a frame" }
    var missing = Set(listing.must.compactMap { peers[$0]?.entry(for: reader) })
    for entry in listing.entries where missing.remove(entry) == nil {
      // The entry may belong to a peer that has left meanwhile, which the reference no longer
      // knows.
      if listing.may.isEmpty { return "\(entry) does not belong in the list" }
    }
    return missing.isEmpty ? nil : "not listed: \(missing.sorted())"
  }
}
