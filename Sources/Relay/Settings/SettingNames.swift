/// Which names are ours, and which name somebody meant. A misspelt setting must not be silently
/// ignored.

enum SettingNames {
  /// Every environment name that means a setting.
  package static let known: Set<String> = Set(Settings.table.flatMap(\.names))

  /// joinmarket-ng's settings that mean nothing here: one relay turn is one write, and a line has
  /// its own limit.
  static let withoutEffect: Set<String> = [
    "BROADCAST_BATCH_SIZE", "DIRECTORY_SERVER__BROADCAST_BATCH_SIZE",
    "MAX_MESSAGE_SIZE", "DIRECTORY_SERVER__MAX_MESSAGE_SIZE",
  ]

  /// systemd's socket activation, read elsewhere.
  private static let notSettings: Set<String> = [
    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", configFile,
  ]

  /// Names joinmarket-ng's `config.toml`.
  static let configFile = "JOINMARKET_CONFIG_FILE"

  /// joinmarket-ng's notifications: there is nothing here that would send one.
  private static let notifications = "NOTIFICATIONS__"

  /// A name in the environment that begins so was meant for this relay. First words that other
  /// programs use too (HOST, LOG, DATA, PUBLIC) are not among them.
  private static let prefixes = [
    "DIRECTORY_SERVER__", "NETWORK_CONFIG__", "LOGGING__", "JOINMARKET_", "HEARTBEAT_",
    "HEALTH_CHECK_", "NICK_AUTH_", "NICK_CHALLENGE_", "MESSAGE_", "LISTEN_", "MAX_PEER",
    "MAX_PENDING", "MAX_LINE", "MAX_JSON", "MAX_BACKLOG", "PEER_BACKLOG", "PEERLIST_",
    "PUBLIC_RATE", "PUBLIC_BURST", "PUBLIC_BYTES", "ORDERBOOK_", "FANOUT_", "RATE_LIMIT_",
    "HANDSHAKE_",
    "PROXY_PROTOCOL", "ONION_HOSTNAME", "ONION_PORT", "DIRECTORY_LOCATION", "STATUS_NICKS", "MOTD",
    "SHUTDOWN_GRACE", "LOG_LEVEL", "LOG_FORMAT", "ALLOW_ROOT", "BROADCAST_BATCH",
  ]

  /// The warning for an unknown name, or `nil`. In a `.env` every name was meant for us; in the
  /// environment one with our prefixes, or one slip away from a name of ours.
  package static func warning(for name: String, origin: SettingOrigin, anyName: Bool)
    -> SettingsWarning?
  {
    if known.contains(name) || notSettings.contains(name) { return nil }
    if withoutEffect.contains(name) || name.hasPrefix(notifications) {
      return .noEffect(name, origin: origin)
    }
    let meant =
      anyName || prefixes.contains { name.hasPrefix($0) }
      || (name.utf8.count >= 8 && nearest(to: name, among: known, within: 1) != nil)
    guard meant else { return nil }
    return .unknownName(name, nearest: nearest(to: name, among: known), origin: origin)
  }

  /// The candidate that fewest slips (a letter more, less, other, or two swapped) turn into the
  /// name; `nil` if none is near. Letter case does not count as a slip.
  static func nearest(
    to name: String, among candidates: some Sequence<String>, within limit: Int? = nil
  ) -> String? {
    let name = name.uppercased()
    let limit = limit ?? max(2, name.utf8.count / 3)
    let scored = candidates.map { (slips(name, $0.uppercased(), upTo: limit), $0) }
    return scored.filter { $0.0 <= limit }.min { $0 < $1 }?.1
  }

  /// Edit distance with swaps of neighbours; above the limit the exact number does not matter.
  private static func slips(_ a: String, _ b: String, upTo limit: Int) -> Int {
    let a = Array(a.utf8)
    let b = Array(b.utf8)
    if abs(a.count - b.count) > limit { return limit + 1 }
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j in b.indices {
        var best = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          best = min(best, beforeLast[j - 1] + 1)
        }
        row.append(best)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
