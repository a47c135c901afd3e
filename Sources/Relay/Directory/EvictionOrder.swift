import Units
import Wire

/// The peer that a new connection displaces at the limit: the youngest of the largest group (a
/// circuit), quiet ones first. The caller leaves out protected peers. The idea is Bitcoin
/// Core's eviction of inbound peers.
///
/// One scan of all peers finds `batch` candidates, because a scan for each new connection would be
/// expensive. A scan that finds nobody is not repeated within `interval`.
struct EvictionOrder {
  struct Candidate {
    let id: PeerID
    /// Connections whose circuit is not known are one group.
    let circuit: CircuitID?
    /// Grows with every connection.
    let serial: UInt64
    /// Has asked for nothing since its handshake.
    let isQuiet: Bool
  }

  static let batch = 64
  static let interval = Duration.milliseconds(500)

  /// In the order of eviction, reversed: the next one is the last element.
  private var victims: [PeerID] = []
  private var lookedAt: Instant?
  /// The last scan may not have returned all candidates.
  private var hasFoundBatch = false

  /// Takes back a candidate of `next` that was not evicted.
  mutating func putBack(_ id: PeerID) { victims.append(id) }

  /// - Parameters:
  ///   - candidates: called for a new scan when no candidate is left.
  ///   - isStillOne: false for a candidate that has left or is protected by now.
  mutating func next(
    at now: Instant, candidates: () -> [Candidate], isStillOne: (PeerID) -> Bool
  ) -> PeerID? {
    while let id = victims.popLast() { if isStillOne(id) { return id } }
    if let lookedAt, now < lookedAt + Self.interval, !hasFoundBatch { return nil }
    lookedAt = now
    let order = Self.order(candidates())
    hasFoundBatch = order.count >= Self.batch
    victims = order.prefix(Self.batch).reversed()
    return victims.popLast()
  }

  /// Returns all candidates in the order of eviction: repeatedly the youngest of the largest group.
  /// This equals sorting by rank in the group, the highest first; the youngest in a group of n has
  /// rank n.
  static func order(_ candidates: [Candidate]) -> [PeerID] {
    var size: [CircuitID?: Int] = [:]
    let ranked = candidates.sorted { $0.serial < $1.serial }.map { candidate in
      size[candidate.circuit, default: 0] += 1
      return (candidate: candidate, place: size[candidate.circuit] ?? 0)
    }
    return ranked.sorted { a, b in
      if a.candidate.isQuiet != b.candidate.isQuiet { return a.candidate.isQuiet }
      if a.place != b.place { return a.place > b.place }
      return a.candidate.serial > b.candidate.serial
    }.map(\.candidate.id)
  }
}
