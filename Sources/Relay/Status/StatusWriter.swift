import Directory
import Units
import Wire

/// Writes a snapshot as the JSON of /status in parts of a few hundred nicks, so that ten thousand
/// of them do not delay the event loop. Its content is plain ASCII: numbers, nicks and constants.
final class StatusWriter {
  private let snapshot: StatusSnapshot
  private var lists: [(key: String, nicks: [Nick])]
  private var cursor = 0
  private var state = State.head

  private enum State {
    case head, nicks, tail, done
  }

  static let nicksPerPart = 500

  package init(_ snapshot: StatusSnapshot) {
    self.snapshot = snapshot
    let (active, passive) = (snapshot.active, snapshot.passive)
    lists = [
      ("passive_peers", passive), ("active_peers", active),
    ].reversed()
    lists.append(("connected_peers", active + passive))
  }

  /// The next part, or `nil` after the last.
  package func next() -> [UInt8]? {
    var part: [UInt8] = []
    switch state {
    case .head:
      part.append(contentsOf: head.utf8)
      openList(in: &part)
      state = .nicks
    case .nicks:
      writeNicks(to: &part)
    case .tail:
      part.append(contentsOf: "\"active_connections\": \(snapshot.connectionCount)}\n".utf8)
      state = .done
    case .done: return nil
    }
    return part
  }

  private func openList(in part: inout [UInt8]) {
    guard let list = lists.last else { return }
    part.append(contentsOf: "\"\(list.key)\": {\"total\": \(list.nicks.count), \"nicks\": [".utf8)
  }

  private func writeNicks(to part: inout [UInt8]) {
    guard let list = lists.last else { return }
    let nicks = snapshot.showsNicks ? list.nicks[cursor...].prefix(Self.nicksPerPart) : []
    for nick in nicks {
      part.append(contentsOf: cursor == 0 ? "\"".utf8 : ", \"".utf8)
      nick.append(to: &part)
      part.append(UInt8(ascii: "\""))
      cursor += 1
    }
    guard !snapshot.showsNicks || cursor == list.nicks.count else { return }
    part.append(contentsOf: "]}, ".utf8)
    lists.removeLast()
    cursor = 0
    if lists.isEmpty { state = .tail } else { openList(in: &part) }
  }

  private var head: String {
    let report = snapshot.report(firstNicks: 0)
    let stats = report.stats
    return """
      {"version": "\(relayVersion)", "network": "\(report.network)", \
      "uptime_seconds": \(report.uptimeSeconds), "server_status": "\(report.serverStatus)", \
      "max_peers": \(report.maxPeers), \
      "stats": {"total_peers": \(stats.totalPeers), "connected_peers": \(stats.connectedPeers), \
      "passive_peers": \(stats.passivePeers), "active_peers": \(stats.activePeers), \
      "neutrino_compat_peers": \(stats.neutrinoCompatPeers), \
      "peerlist_features_peers": \(stats.peerlistFeaturesPeers), \
      "push_encrypted_peers": \(stats.pushEncryptedPeers), \
      "verified_peers": \(stats.verifiedPeers ?? 0), \
      "evictable_peers": \(stats.evictablePeers ?? 0)}, \
      "rate_limiter": {"tracked_peers": \(report.rateLimiter.trackedPeers), \
      "total_violations": \(report.rateLimiter.totalViolations), \
      "top_violators": \(json(report.rateLimiter.topViolators))}, \
      "offers": {"total_offers": \(report.offers.totalOffers), \
      "peers_with_offers": \(report.offers.peersWithOffers), \
      "peers_many_offers": \(json(report.offers.peersManyOffers))}, 
      """
  }

  private func json(_ tallies: [StatusReport.Tally]) -> String {
    "[" + tallies.map { "[\"\($0.name)\", \($0.count)]" }.joined(separator: ", ") + "]"
  }
}
