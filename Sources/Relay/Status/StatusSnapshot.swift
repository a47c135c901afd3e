import Directory
import Units
import Wire

/// The state of the relay at one moment, for /status, the SIGUSR1 report and the ctl. With 10,000
/// peers a snapshot copies 16 bytes a nick and takes well under a millisecond; encoding it is done
/// in parts.
package struct StatusSnapshot {
  package var network: Network
  package var uptime: Duration
  package var isStopping: Bool
  package var limits: Limits
  package var connectionCount: Int
  package var active: [Nick] = []
  package var passive: [Nick] = []
  package var neutrinoCompat = 0
  package var peerlistFeatures = 0
  package var pushEncrypted = 0
  package var verified = 0
  package var evictable = 0
  package var violations: Int
  var violators: [StatusReport.Tally] = []
  var offerCount = 0
  package var peersWithOffers = 0
  var manyOffers: [StatusReport.Tally] = []
  package var showsNicks: Bool

  /// The number of violators and of peers with many offers in the report.
  static let topCount = 10
  /// A peer with more offers has many.
  static let fewOffers = 2

  /// - Parameter ownProbe: the nick of the self-probe, which is left out.
  package init(
    of directory: Directory, uptime: Duration, showsNicks: Bool, except ownProbe: Nick? = nil
  ) {
    network = directory.identity.network
    self.uptime = uptime
    self.showsNicks = showsNicks
    isStopping = directory.isStopping
    limits = directory.limits
    connectionCount = directory.registry.connectionCount
    violations = directory.counters.rateViolations
    var violators: [(PeerID, Int)] = []
    var offering: [(Nick, Int)] = []
    for index in directory.registry.slots.indices {
      let peer = directory.registry.slots[index]
      guard peer.state == .present, peer.nick != ownProbe else { continue }
      if peer.flags.contains(.servesOnion) {
        active.append(peer.nick)
      } else {
        passive.append(peer.nick)
      }
      if peer.features.contains(.neutrinoCompat) { neutrinoCompat += 1 }
      if peer.features.contains(.peerlistFeatures) { peerlistFeatures += 1 }
      if peer.features.contains(.pushEncrypted) { pushEncrypted += 1 }
      if peer.flags.contains(.verified) { verified += 1 }
      if peer.flags.contains(.evictable) { evictable += 1 }
      if peer.violations > 0 {
        violators.append((directory.registry.id(at: index), Int(peer.violations)))
      }
      if !peer.offers.isEmpty {
        offerCount += peer.offers.count
        peersWithOffers += 1
        if peer.offers.count > Self.fewOffers { offering.append((peer.nick, peer.offers.count)) }
      }
    }
    self.violators = Self.top(violators)
    manyOffers = showsNicks ? Self.top(offering) : []
  }

  private static func top(_ counts: [(some CustomStringConvertible, Int)]) -> [StatusReport.Tally] {
    counts.sorted { $0.1 > $1.1 }.prefix(topCount).map {
      StatusReport.Tally(name: $0.0.description, count: $0.1)
    }
  }

  package var peerCount: Int { active.count + passive.count }

  /// Returns the whole report, each list of nicks shortened to `firstNicks`.
  package func report(firstNicks: Int) -> StatusReport {
    var stats = StatusReport.Stats()
    stats.totalPeers = peerCount
    stats.connectedPeers = peerCount
    stats.passivePeers = passive.count
    stats.activePeers = active.count
    stats.neutrinoCompatPeers = neutrinoCompat
    stats.peerlistFeaturesPeers = peerlistFeatures
    stats.pushEncryptedPeers = pushEncrypted
    stats.verifiedPeers = verified
    stats.evictablePeers = evictable
    var rateLimiter = StatusReport.RateLimiter()
    rateLimiter.trackedPeers = peerCount
    rateLimiter.totalViolations = violations
    rateLimiter.topViolators = violators
    var offers = StatusReport.Offers()
    offers.totalOffers = offerCount
    offers.peersWithOffers = peersWithOffers
    offers.peersManyOffers = manyOffers
    func list(_ nicks: some Collection<Nick>, of total: Int) -> StatusReport.Nicks {
      StatusReport.Nicks(
        total: total, nicks: showsNicks ? nicks.prefix(firstNicks).map(\.description) : [])
    }
    let firstOfAll = Array(active.prefix(firstNicks)) + Array(passive.prefix(firstNicks))
    return StatusReport(
      version: relayVersion, network: network.rawValue, uptimeSeconds: uptime.seconds,
      serverStatus: isStopping ? "stopping" : "running", maxPeers: limits.peers, stats: stats,
      rateLimiter: rateLimiter, offers: offers, connectedPeers: list(firstOfAll, of: peerCount),
      passivePeers: list(passive, of: passive.count), activePeers: list(active, of: active.count),
      activeConnections: connectionCount)
  }
}
