import Testing

@testable import Settings

@Suite("joinmarket-ng's config.toml")
struct ConfigFileTests {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) -> SettingsReading {
    Settings.load(
      arguments: arguments,
      environment: environment.merging(["JOINMARKET_DATA_DIR": scratch.path]) { own, _ in own },
      workingDirectory: scratch.path)
  }

  private static let example = """
    [network_config]
    network = "signet"

    [directory_server]
    max_peers = 7
    message_rate_limit = 11
    heartbeat_idle_threshold = 61.5
    host = "127.0.0.2"
    motd = '''two
    lines'''
    nick_auth_mode = "disabled"

    [logging]
    level = "WARNING"
    """

  @Test("its tables are read as settings, and each setting has its origin")
  func reading() throws {
    try scratch.write(Self.example, to: "config.toml")
    let reading = load()
    #expect(reading.faults.isEmpty)
    #expect(reading.warnings.isEmpty)
    let settings = try #require(reading.settings)
    #expect(settings.network == .signet)
    #expect(settings.maxPeers == 7)
    #expect(settings.messageRateLimit == 11)
    #expect(settings.heartbeat.idleThreshold == .milliseconds(61_500))
    #expect(settings.tcpListeners == [ListenerSetting(.tcp(host: "127.0.0.2", port: nil))])
    #expect(settings.motd == "two\nlines")
    #expect(settings.nickAuthMode == .disabled)
    #expect(settings.logLevel == .warning)
    #expect(
      reading.origins["MAX_PEERS"]?.description
        == "\(scratch.path)/config.toml, directory_server.max_peers")
  }

  @Test("its precedence is between .env and the defaults")
  func precedence() throws {
    try scratch.write("[directory_server]\nmax_peers = 7\n", to: "config.toml")
    #expect(load().settings?.maxPeers == 7)
    try scratch.write("MAX_PEERS=6\n")
    #expect(load().settings?.maxPeers == 6)
    #expect(load([], ["DIRECTORY_SERVER__MAX_PEERS": "5"]).settings?.maxPeers == 5)
    #expect(load(["--max-peers=4"]).settings?.maxPeers == 4)
  }

  @Test(
    "JOINMARKET_CONFIG_FILE names it, in the environment or in .env, and then it must exist")
  func named() throws {
    try scratch.write("[directory_server]\nmax_peers = 7\n", to: "other")
    #expect(load([], ["JOINMARKET_CONFIG_FILE": "other"]).settings?.maxPeers == 7)
    try scratch.write("JOINMARKET_CONFIG_FILE=\(scratch.path)/other\n")
    let reading = load()
    #expect(reading.settings?.maxPeers == 7)
    #expect(reading.warnings.isEmpty)
    #expect(
      load([], ["JOINMARKET_CONFIG_FILE": "missing"]).faults.map(\.description) == [
        "cannot read missing: the file does not exist"
      ])
  }

  @Test("keys that the relay ignores are named in one line")
  func withoutMeaning() throws {
    try scratch.write(
      """
      data_dir = "/x"
      [tor]
      socks_host = "127.0.0.1"
      [directory_server]
      broadcast_batch_size = 50
      max_peers = 3
      [notifications]
      urls = ["a", "b"]
      [maker.fees]
      "odd\\nkey" = 1
      """, to: "config.toml")
    let reading = load()
    #expect(reading.settings?.maxPeers == 3)
    #expect(
      reading.warnings.map(\.description) == [
        "\(scratch.path)/config.toml: without a meaning in this relay: data_dir, "
          + "directory_server.broadcast_batch_size, maker.fees, notifications.urls, tor.socks_host"
      ])
  }

  @Test(
    "invalid TOML and values that are not allowed are faults with the place",
    arguments: [
      ("[directory_server]\nmax_peers = \"many\"\n", "DIRECTORY_SERVER__MAX_PEERS=many"),
      ("[directory_server]\nmax_peers = [1]\n", "DIRECTORY_SERVER__MAX_PEERS="),
      ("[directory_server]\nmax_peers = 1.5\n", "DIRECTORY_SERVER__MAX_PEERS=1.5"),
      ("[directory_server]\nmax_peers = 99999999999999999999\n", "config.toml:2 is not TOML: "),
      ("[directory_server\n", "config.toml:1 is not TOML: "),
      ("a = 1\na = 2\n", "config.toml:2 is not TOML: "),
      ("a = \"\u{0}\"\n", "config.toml:1 is not TOML: "),
    ])
  func faults(text: String, named: String) throws {
    try scratch.write(text, to: "config.toml")
    let faults = load().faults.map(\.description)
    #expect(faults.count == 1)
    #expect(faults.first?.contains(named) == true, "\(faults)")
    #expect(faults.first?.contains("\n") == false)
  }

  @Test("joinmarket-ng's notifications are named as without effect")
  func notifications() {
    #expect(
      load([], ["NOTIFICATIONS__ENABLED": "true"]).warnings.map(\.description) == [
        "NOTIFICATIONS__ENABLED (from environment) has no effect in this relay"
      ])
  }
}
