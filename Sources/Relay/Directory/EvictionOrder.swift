import Units
import Wire

/// The peer that a new connection displaces at the limit: the youngest of the largest group (a
/// circuit), quiet ones first. The caller leaves out protected peers. The idea is Bitcoin
/// Core's eviction of inbound peers.
///
/// A scan of all peers for each new connection would make many connections expensive, so one scan
/// finds `batch` of them, and a look that finds nobody is not repeated within `interval`.
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

  /// The next one is last.
  private var victims: [PeerID] = []
  private var lookedAt: Instant?
  /// There may be more of them than the last look has returned.
  private var hasFoundBatch = false

  /// Takes back one that `next` has given out and that was not needed.
  mutating func putBack(_ id: PeerID) { victims.append(id) }

  /// - Parameters:
  ///   - candidates: asked for when the last look is used up.
  ///   - isStillOne: a candidate may have left or be protected by now.
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

  /// All candidates in the order in which they are displaced: again and again the youngest of the
  /// largest group. That is the order of their places in their groups, the highest first: in a
  /// group of n the youngest is at n.
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
