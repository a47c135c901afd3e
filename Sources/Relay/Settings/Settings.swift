/// What an operator can choose, typed and checked. `Server` and the products read it; `Settings()`
/// is every default. The values here are the only place a default is written down: the table in
/// `SettingsTable.swift` adds name, range and meaning to each field, and every text that shows a
/// default (help, README, check-config) is rendered from the two.
import Logging

public struct Settings: Sendable, Equatable {
  // MARK: Who we are

  public var network: Network = .mainnet
  /// The relay's own `onion:port`, as it stands first in peerlists.
  public var directoryLocation: String?
  /// The file tor writes its onion name to; with `onionPort` it gives the location.
  public var onionHostnameFile: String?
  public var onionPort: UInt16 = 5222
  public var motd = "JoinMarket Directory Server"
  public var motdVersion = true

  // MARK: Where we listen

  /// `nil` when `HOST` is empty: no TCP listener.
  public var host: String? = "127.0.0.1"
  /// 0 takes any free port.
  public var port: UInt16 = 5222
  public var listenUnix: String?
  public var listenUnixMode: UInt32 = 0o660
  public var proxyProtocol = false
  public var healthHost = "127.0.0.1"
  public var healthPort: UInt16 = 8080

  // MARK: How many

  public var maxPeers = 10_000
  /// Connections before their handshake.
  public var maxPending = 1_000
  public var maxPeersPerCircuit = 8
  public var handshakeTimeout: Duration = .seconds(30)
  /// How long the holder of a nick has to answer a newcomer's challenge (protocol.md §3.1).
  public var nickChallengeTimeout: Duration = .seconds(10)

  // MARK: What a frame may be

  /// Without its terminator.
  public var maxLineLength = ByteCount.kibibytes(64)
  public var maxNesting = 10

  // MARK: How fast; 0 turns a limit off

  /// Frames a second from one connection.
  public var messageRateLimit = 100
  public var messageBurstLimit = 1_000
  /// Violations after which a connection is closed; 0 is never.
  public var rateLimitDisconnect = 0
  /// Public frames a minute from one connection.
  public var publicRateLimit = 30
  public var publicBurstLimit = 120
  /// Public `!orderbook` a minute from one connection.
  public var orderbookRateLimit = 6
  /// GETPEERLIST a minute from one connection.
  public var peerlistRateLimit = 6
  /// Deliveries of public frames a second, all peers together.
  public var fanoutRateLimit = 0

  // MARK: What a peer may leave unread

  public var maxPeerBacklog = ByteCount.mebibytes(8)
  public var peerBacklogSoft = ByteCount.mebibytes(1)
  public var backlogSoftTime: Duration = .seconds(60)
  public var maxBacklog = ByteCount.mebibytes(512)

  // MARK: Who is still there

  public var heartbeat = Heartbeat()

  public struct Heartbeat: Sendable, Equatable {
    public var sweepInterval: Duration = .seconds(60)
    public var idleThreshold: Duration = .seconds(600)
    public var hardEvict: Duration = .seconds(1500)
    public var pongWait: Duration = .seconds(30)

    public init() {}
  }

  // MARK: Whose nick it is

  public var nickAuthMode: NickAuthMode = .preferVerified
  public var nickAuthDirectoryID: NickAuthDirectoryID = .unset
  public var nickAuthTimeout: Duration = .seconds(30)

  // MARK: The process

  public var logLevel: Logger.Level = .info
  public var logFormat: LogFormat = .text
  public var statusNicks = true
  public var dataDir: String?
  public var shutdownGrace: Duration = .seconds(10)
  public var allowRoot = false

  public init() {}
}

/// What the relay asks of a peer's nick (protocol.md §8).
public enum NickAuthMode: String, CaseIterable, Sendable {
  case preferVerified = "prefer_verified"
  case requireVerified = "require_verified"
  case disabled
}

/// The identity that signed nick proofs are bound to.
public enum NickAuthDirectoryID: Sendable, Equatable {
  /// None: nick authentication is neither advertised nor done.
  case unset
  /// The relay's own onion endpoint, once it is known.
  case automatic
  case endpoint(String)
}

public enum LogFormat: String, CaseIterable, Sendable {
  case text, json
}
