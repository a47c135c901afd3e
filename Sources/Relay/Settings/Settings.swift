/// What an operator can choose, typed and checked. `Server` and the products read it; `Settings()`
/// is every default. The values here are the only place a default is written down: the table in
/// `SettingsTable.swift` adds name, range and meaning to each field, and every text that shows a
/// default (help, docs/settings.md, check-config) is rendered from the two.
import Logging
import Units
import Wire

package struct Settings: Sendable, Equatable {
  // MARK: Who we are

  package var network: Network = .mainnet
  /// `nil`: only on regtest.
  package var allowClearnetLocations: Bool?
  /// The relay's own `onion:port`, as it stands first in peerlists.
  package var directoryLocation: String?
  /// The file tor writes its onion name to; with `onionPort` it gives the location.
  package var onionHostnameFile: String?
  package var onionPort: UInt16 = 5222
  package var motd = "JoinMarket Directory Server"
  package var motdVersion = true

  // MARK: Where we listen

  /// HOST. Empty: no TCP listener.
  package var tcpListeners = [ListenerSetting(.tcp(host: "127.0.0.1", port: nil))]
  /// 0 takes any free port.
  package var port: UInt16 = 5222
  /// LISTEN_UNIX.
  package var unixListeners: [ListenerSetting] = []
  package var listenUnixMode: UInt32 = 0o660
  package var proxyProtocol = false
  package var healthHost = "127.0.0.1"
  package var healthPort: UInt16 = 8080

  // MARK: How many

  package var maxPeers = 10_000
  /// Connections before their handshake. As many as Tor serves in one burst
  /// (HiddenServicePoWQueueBurst in tor/torrc): peers that return at once all get in.
  package var maxPending = 2_500
  package var maxPeersPerCircuit = 8
  package var handshakeTimeout: Duration = .seconds(30)
  /// How long the holder of a nick has to answer a probe in a takeover (protocol.md §3.1).
  package var nickChallengeTimeout: Duration = .seconds(10)

  // MARK: What a frame may be

  /// Without its terminator.
  package var maxLineLength = ByteCount.kibibytes(64)
  package var maxNesting = 10

  // MARK: How fast; 0 turns a limit off

  /// Frames a second from one connection.
  package var messageRateLimit = 100
  package var messageBurstLimit = 1_000
  /// Violations after which a connection is closed; 0 is never.
  package var rateLimitDisconnect = 0
  /// Public frames a minute from one connection.
  package var publicRateLimit = 30
  package var publicBurstLimit = 120
  /// Bytes of public frames a minute from one connection.
  package var publicBytesLimit = ByteCount.kibibytes(64)
  /// Public `!orderbook` a minute from one connection.
  package var orderbookRateLimit = 6
  /// GETPEERLIST a minute from one connection.
  package var peerlistRateLimit = 6
  /// Deliveries of public frames a second, all peers together.
  package var fanoutRateLimit = 100_000
  /// Their bytes a second.
  package var fanoutBytesLimit = ByteCount.mebibytes(64)
  /// Public `!orderbook` a minute, all peers together.
  package var orderbookTotalLimit = 150

  // MARK: What a peer may leave unread

  package var maxPeerBacklog = ByteCount.mebibytes(8)
  package var peerBacklogSoft = ByteCount.mebibytes(1)
  package var backlogSoftTime: Duration = .seconds(60)
  package var maxBacklog = ByteCount.mebibytes(512)

  // MARK: Who is still there

  package var heartbeat = Heartbeat()

  package struct Heartbeat: Sendable, Equatable {
    package var sweepInterval: Duration = .seconds(60)
    package var idleThreshold: Duration = .seconds(600)
    package var hardEvict: Duration = .seconds(1500)
    package var pongWait: Duration = .seconds(30)

    package init() {}
  }

  // MARK: Whose nick it is

  package var nickAuthMode: NickAuthMode = .preferVerified
  package var nickAuthDirectoryID: NickAuthDirectoryID = .unset
  package var nickAuthTimeout: Duration = .seconds(30)

  // MARK: The process

  package var logLevel: Logger.Level = .info
  package var logFormat: LogFormat = .text
  package var statusNicks = true
  /// Names, besides those of this machine, under which the status port may be asked.
  package var statusHosts: [String] = []
  /// Tor's control port, to close circuits. `nil`: none.
  package var torControl: TorControlSetting?
  package var torControlCookieFile: String?
  package var torControlPasswordFile: String?
  /// How long a circuit's budgets stay exhausted before Tor is asked to close it. A client that
  /// keeps to what a connection may do never exhausts them, so a minute is no burst any more.
  package var torControlCloseAfter: Duration = .seconds(60)
  /// The operator's socket. `nil`: none.
  package var adminSocket: String?
  package var dataDir: String?
  package var shutdownGrace: Duration = .seconds(10)
  package var allowRoot = false
  package var fdStore: FDStoreSetting = .automatic

  package init() {}

  /// Whether peers may serve at other places than an onion.
  package var allowsClearnet: Bool { allowClearnetLocations ?? (network == .regtest) }
}

/// What keeps sockets and state while the relay restarts.
package enum FDStoreSetting: Sendable, Equatable {
  /// systemd's store if the unit says that it has one (`FDSTORE`, systemd 254), else none.
  case automatic
  case none
  case systemd
  /// The socket of jm-fd-store.
  case path(String)
}

/// What the relay asks of a peer's nick (protocol.md §8).
package enum NickAuthMode: String, CaseIterable, Sendable {
  case preferVerified = "prefer_verified"
  case requireVerified = "require_verified"
  case disabled
}

/// The identity that signed nick proofs are bound to.
package enum NickAuthDirectoryID: Sendable, Equatable {
  /// None: nick authentication is neither advertised nor done.
  case unset
  /// The relay's own onion endpoint, once it is known.
  case automatic
  case endpoint(String)
}

package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}
