/// The status report: its JSON form for `/status` and joinmarket-ng's tools, and its text for
/// `jm-directory-ctl status` and the SIGUSR1 report.

import Directory
import Units

/// Keys and nesting are those of `/status`.
package struct StatusReport: Codable, Sendable, Equatable {
  /// The relay's version; `nil` from other directories.
  package var version: String?
  package var network: String
  var uptimeSeconds: Double
  /// `running` or `stopping`.
  var serverStatus: String
  package var maxPeers: Int
  var stats: Stats
  var rateLimiter: RateLimiter
  package var offers: Offers
  var connectedPeers: Nicks
  /// Those that serve no onion.
  package var passivePeers: Nicks
  /// Those that serve an onion.
  package var activePeers: Nicks
  var activeConnections: Int

  package struct Stats: Codable, Sendable, Equatable {
    var totalPeers = 0
    var connectedPeers = 0
    package var passivePeers = 0
    package var activePeers = 0
    var neutrinoCompatPeers = 0
    var peerlistFeaturesPeers = 0
    var pushEncryptedPeers = 0
    /// Peers that have proved their nick; `nil` from other directories.
    package var verifiedPeers: Int?
    /// Peers that have been silent for long and cannot be probed; `nil` from other directories.
    package var evictablePeers: Int?

    package init() {}

    enum CodingKeys: String, CodingKey {
      case totalPeers = "total_peers"
      case connectedPeers = "connected_peers"
      case passivePeers = "passive_peers"
      case activePeers = "active_peers"
      case neutrinoCompatPeers = "neutrino_compat_peers"
      case peerlistFeaturesPeers = "peerlist_features_peers"
      case pushEncryptedPeers = "push_encrypted_peers"
      case verifiedPeers = "verified_peers"
      case evictablePeers = "evictable_peers"
    }
  }

  package struct RateLimiter: Codable, Sendable, Equatable {
    var trackedPeers = 0
    var totalViolations = 0
    /// By connection, at most ten.
    var topViolators: [Tally] = []

    package init() {}

    enum CodingKeys: String, CodingKey {
      case trackedPeers = "tracked_peers"
      case totalViolations = "total_violations"
      case topViolators = "top_violators"
    }
  }

  package struct Offers: Codable, Sendable, Equatable {
    var totalOffers = 0
    package var peersWithOffers = 0
    /// By nick, with more than two offers, at most ten.
    var peersManyOffers: [Tally] = []

    package init() {}

    enum CodingKeys: String, CodingKey {
      case totalOffers = "total_offers"
      case peersWithOffers = "peers_with_offers"
      case peersManyOffers = "peers_many_offers"
    }
  }

  package struct Nicks: Codable, Sendable, Equatable {
    package var total: Int
    /// May have fewer elements than `total`, or none, when the operator hides nicks.
    package var nicks: [String]

    package init(total: Int, nicks: [String]) {
      self.total = total
      self.nicks = nicks
    }
  }

  /// A name and a count; in JSON an array of the two.
  package struct Tally: Codable, Sendable, Equatable {
    package var name: String
    package var count: Int

    package init(name: String, count: Int) {
      self.name = name
      self.count = count
    }

    package init(from decoder: any Decoder) throws {
      var pair = try decoder.unkeyedContainer()
      name = try pair.decode(String.self)
      count = try pair.decode(Int.self)
    }

    package func encode(to encoder: any Encoder) throws {
      var pair = encoder.unkeyedContainer()
      try pair.encode(name)
      try pair.encode(count)
    }
  }

  enum CodingKeys: String, CodingKey {
    case version
    case network
    case uptimeSeconds = "uptime_seconds"
    case serverStatus = "server_status"
    case maxPeers = "max_peers"
    case stats
    case rateLimiter = "rate_limiter"
    case offers
    case connectedPeers = "connected_peers"
    case passivePeers = "passive_peers"
    case activePeers = "active_peers"
    case activeConnections = "active_connections"
  }

  package init(
    version: String?, network: String, uptimeSeconds: Double, serverStatus: String, maxPeers: Int,
    stats: Stats, rateLimiter: RateLimiter, offers: Offers, connectedPeers: Nicks,
    passivePeers: Nicks, activePeers: Nicks, activeConnections: Int
  ) {
    self.version = version
    self.network = network
    self.uptimeSeconds = uptimeSeconds
    self.serverStatus = serverStatus
    self.maxPeers = maxPeers
    self.stats = stats
    self.rateLimiter = rateLimiter
    self.offers = offers
    self.connectedPeers = connectedPeers
    self.passivePeers = passivePeers
    self.activePeers = activePeers
    self.activeConnections = activeConnections
  }
}

extension StatusReport {
  /// Returns the report for people, one fact a line.
  /// - Parameter firstNicks: how many nicks of each list are named before "... and N more".
  package func lines(firstNicks: Int) -> [String] {
    var lines = version.map { ["version: \($0.escapedForOneLine)"] } ?? []
    lines += [
      "network: \(network.escapedForOneLine)",
      "uptime: \(Self.uptime(uptimeSeconds))",
      "status: \(serverStatus.escapedForOneLine)",
      connectedPeers.line("connected", of: maxPeers, firstNicks: firstNicks),
      passivePeers.line("passive", firstNicks: firstNicks),
      activePeers.line("active", firstNicks: firstNicks),
      "active connections: \(activeConnections)",
      "offers: \(offers.totalOffers) from \(offers.peersWithOffers) peers",
    ]
    if let verified = stats.verifiedPeers { lines.append("verified nicks: \(verified)") }
    if let evictable = stats.evictablePeers, evictable > 0 {
      lines.append("silent for long, evictable: \(evictable)")
    }
    if !offers.peersManyOffers.isEmpty {
      lines.append("many offers: " + Self.tallies(offers.peersManyOffers))
    }
    lines.append(
      "rate limiting: \(rateLimiter.totalViolations) frames dropped, "
        + "\(rateLimiter.trackedPeers) peers tracked"
    )
    if !rateLimiter.topViolators.isEmpty {
      lines.append("most dropped: " + Self.tallies(rateLimiter.topViolators))
    }
    return lines
  }

  private static func tallies(_ tallies: [Tally]) -> String {
    tallies.map { "\($0.name.escapedForOneLine) (\($0.count))" }.joined(separator: ", ")
  }

  /// `2d 3h 4m 5s`, without leading zeros.
  private static func uptime(_ seconds: Double) -> String {
    let whole = Int(max(0, min(seconds.isFinite ? seconds : 0, 1e12)))
    let parts = [
      (whole / 86400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s"),
    ]
    let shown = parts.drop { $0.0 == 0 }
    return shown.isEmpty ? "0s" : shown.map { "\($0.0)\($0.1)" }.joined(separator: " ")
  }
}

extension StatusReport.Nicks {
  fileprivate func line(_ title: String, of limit: Int? = nil, firstNicks: Int) -> String {
    let shown = nicks.prefix(max(0, firstNicks)).map(\.escapedForOneLine)
    var line = "\(title): \(total)" + (limit.map { "/\($0)" } ?? "")
    guard !shown.isEmpty else { return line }
    line += " (" + shown.joined(separator: ", ")
    if total > shown.count { line += " ... and \(total - shown.count) more" }
    return line + ")"
  }
}
