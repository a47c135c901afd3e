/// The settings of an operator, typed and checked. `Settings()` has all defaults, and no other
/// place defines a default. The table in `SettingsTable.swift` adds name, range and meaning to each
/// field. All texts with a default (help, docs/settings.md, check-config) are made from the two.
import Logging
import Units
import Wire

package struct Settings: Sendable, Equatable {
  // MARK: Who we are

  package var network: Network = .mainnet
  /// `nil`: true only on regtest.
  package var allowClearnetLocations: Bool?
  /// The relay's own `onion:port`, the first entry of peerlists.
  package var directoryLocation: String?
  /// The file into which Tor writes its onion name. With `onionPort` it gives the location.
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
  /// Connections before their handshake. Equals the burst that Tor serves
  /// (HiddenServicePoWQueueBurst in tor/torrc), so that all peers that return at once are admitted.
  package var maxPending = 2_500
  package var maxPeersPerCircuit = 8
  package var handshakeTimeout: Duration = .seconds(30)
  /// The time in which the holder of a nick must answer a probe in a takeover (protocol.md §3.1).
  package var nickChallengeTimeout: Duration = .seconds(10)

  // MARK: What a frame may be

  /// Without its terminator.
  package var maxLineLength = ByteCount.kibibytes(64)
  package var maxNesting = 10

  // MARK: How fast; 0 turns a limit off

  /// Frames a second from each connection.
  package var messageRateLimit = 100
  package var messageBurstLimit = 1_000
  /// Violations after which a connection is closed; 0 means never.
  package var rateLimitDisconnect = 0
  /// Public frames a minute from each connection.
  package var publicRateLimit = 30
  package var publicBurstLimit = 120
  /// Bytes of public frames a minute from each connection.
  package var publicBytesLimit = ByteCount.kibibytes(64)
  /// Public `!orderbook` a minute from each connection.
  package var orderbookRateLimit = 6
  /// GETPEERLIST a minute from each connection.
  package var peerlistRateLimit = 6
  /// Deliveries of public frames a second, all peers together.
  package var fanoutRateLimit = 100_000
  /// Their bytes a second.
  package var fanoutBytesLimit = ByteCount.mebibytes(64)
  /// Public `!orderbook` a minute, all peers together.
  package var orderbookTotalLimit = 150
  /// How long a peer is a stranger (`Directory.isStranger`).
  package var strangerTime: Duration = .seconds(180)

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
  /// Host names for the status port, in addition to those of this machine.
  package var statusHosts: [String] = []
  /// Tor's control port, to close circuits. `nil`: none.
  package var torControl: TorControlSetting?
  package var torControlCookieFile: String?
  package var torControlPasswordFile: String?
  /// The time after which Tor is asked to close a circuit whose budgets stay exhausted. A client
  /// within the limits of a connection never exhausts them, so a minute is longer than any burst.
  package var torControlCloseAfter: Duration = .seconds(60)
  /// The operator's socket. `nil`: none.
  package var adminSocket: String?
  package var dataDir: String?
  package var shutdownGrace: Duration = .seconds(10)
  package var allowRoot = false
  package var fdStore: FDStoreSetting = .automatic

  package init() {}

  /// Whether peers may serve at other addresses than an onion.
  package var allowsClearnet: Bool { allowClearnetLocations ?? (network == .regtest) }
}

/// The store that keeps sockets and state while the relay restarts.
package enum FDStoreSetting: Sendable, Equatable {
  /// systemd's store if the unit has one (`FDSTORE`, systemd 254), else none.
  case automatic
  case none
  case systemd
  /// The socket of jm-fd-store.
  case path(String)
}

/// The proofs of nicks that the relay requests (protocol.md §8).
package enum NickAuthMode: String, CaseIterable, Sendable {
  case preferVerified = "prefer_verified"
  case requireVerified = "require_verified"
  case disabled
}

/// The directory id to which nick proofs are bound.
package enum NickAuthDirectoryID: Sendable, Equatable {
  /// `nil`: nick authentication is off and not advertised.
  case unset
  /// The relay's own onion endpoint, once it is known.
  case automatic
  case endpoint(String)
}

package enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}
