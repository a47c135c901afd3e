/// The known names, and suggestions for misspelt ones. A misspelt setting must not be ignored
/// silently.

enum SettingNames {
  /// All names of settings in an environment.
  package static let known: Set<String> = Set(Settings.table.flatMap(\.names))

  /// joinmarket-ng's settings without a meaning here: one turn makes one write, and a line has its
  /// own limit.
  static let withoutEffect: Set<String> = [
    "BROADCAST_BATCH_SIZE", "DIRECTORY_SERVER__BROADCAST_BATCH_SIZE",
    "MAX_MESSAGE_SIZE", "DIRECTORY_SERVER__MAX_MESSAGE_SIZE",
  ]

  /// Variables of systemd's socket activation, which ServiceManager reads.
  private static let notSettings: Set<String> = [
    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", configFile,
  ]

  /// The variables that locate joinmarket-ng's `config.toml`.
  static let configFile = "JOINMARKET_CONFIG_FILE"

  /// joinmarket-ng's notifications, which the relay does not have.
  private static let notifications = "NOTIFICATIONS__"

  /// A name in the environment with one of these prefixes was meant for this relay. Prefixes that
  /// other programs use too (HOST, LOG, DATA, PUBLIC) are not listed.
  private static let prefixes = [
    "DIRECTORY_SERVER__", "NETWORK_CONFIG__", "LOGGING__", "JOINMARKET_", "HEARTBEAT_",
    "HEALTH_CHECK_", "NICK_AUTH_", "NICK_CHALLENGE_", "MESSAGE_", "LISTEN_", "MAX_PEER",
    "MAX_PENDING", "MAX_LINE", "MAX_JSON", "MAX_BACKLOG", "PEER_BACKLOG", "PEERLIST_",
    "PUBLIC_RATE", "PUBLIC_BURST", "PUBLIC_BYTES", "ORDERBOOK_", "FANOUT_", "RATE_LIMIT_",
    "HANDSHAKE_",
    "PROXY_PROTOCOL", "ONION_HOSTNAME", "ONION_PORT", "DIRECTORY_LOCATION", "STATUS_NICKS", "MOTD",
    "SHUTDOWN_GRACE", "LOG_LEVEL", "LOG_FORMAT", "ALLOW_ROOT", "BROADCAST_BATCH",
  ]

  /// Returns the warning for an unknown name, or `nil`. All names in a `.env` were meant for the
  /// relay. In the environment these are names with our prefixes, and names with one typing error
  /// in a known name.
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

  /// Returns the nearest candidate by typing errors (a letter added, missing, changed, or two
  /// swapped), or `nil` if none is near. Letter case does not count.
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
