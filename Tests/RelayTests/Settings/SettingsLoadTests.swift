/// Reading the settings: the precedence of sources, faults and warnings, and their texts.
import Foundation
import Testing

@testable import Settings

/// A temporary directory that is removed after the test.
final class ScratchDirectory {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "settings-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String = ".env") throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }
}

@Suite("Reading settings")
struct SettingsLoadTests {
  let scratch: ScratchDirectory

  init() throws { scratch = try ScratchDirectory() }

  func load(_ arguments: [String] = [], _ environment: [String: String] = [:]) -> SettingsReading {
    Settings.load(arguments: arguments, environment: environment, workingDirectory: scratch.path)
  }

  @Test("precedence: flag, environment, file, default")
  func precedence() throws {
    #expect(load().settings?.maxPeers == 10_000)
    #expect(load().origins["MAX_PEERS"] == .byDefault)
    try scratch.write("# mine\nMAX_PEERS=3\n")
    #expect(load().settings?.maxPeers == 3)
    #expect(load().origins["MAX_PEERS"] == .file(path: ".env", line: 2))
    #expect(load([], ["MAX_PEERS": "2"]).settings?.maxPeers == 2)
    #expect(load([], ["MAX_PEERS": "2"]).origins["MAX_PEERS"] == .environment)
    let reading = load(["--max-peers", "1"], ["MAX_PEERS": "2"])
    #expect(reading.settings?.maxPeers == 1)
    #expect(reading.origins["MAX_PEERS"]?.description == "flag --max-peers")
  }

  @Test("our name overrides joinmarket-ng's in one source; a source of higher precedence wins")
  func nameOrder() throws {
    let theirs = "DIRECTORY_SERVER__MAX_PEERS"
    #expect(load([], ["MAX_PEERS": "2", theirs: "3"]).settings?.maxPeers == 2)
    try scratch.write("MAX_PEERS=4")
    #expect(load([], [theirs: "3"]).settings?.maxPeers == 3)
  }

  @Test("an empty value counts as not set")
  func empty() throws {
    try scratch.write("MAX_PEERS=5")
    #expect(load([], ["MAX_PEERS": ""]).settings?.maxPeers == 5)
    #expect(load([], ["DATA_DIR": ""]).settings?.dataDir == nil)
  }

  @Test("an empty HOST turns TCP off, and an empty MOTD is valid")
  func emptyValues() {
    let reading = load([], ["HOST": "", "LISTEN_UNIX": "/run/jm.sock", "MOTD": ""])
    #expect(reading.settings?.tcpListeners == [])
    #expect(reading.settings?.motd == "")
    #expect(load(["--host=", "--listen-unix=/x"]).settings?.tcpListeners == [])
  }

  @Test("both spellings of the disconnect threshold are accepted")
  func disconnect() {
    #expect(load([], ["RATE_LIMIT_DISCONNECT_THRESHOLD": "7"]).settings?.rateLimitDisconnect == 7)
    #expect(load(["--rate-limit-disconnect-threshold", "8"]).settings?.rateLimitDisconnect == 8)
  }

  @Test("every fault is reported, each in one line with value, range and origin")
  func faults() throws {
    try scratch.write("PORT=70000\n")
    let reading = load(["--log-level", "loud"], ["DIRECTORY_SERVER__MAX_PEERS": "many\n\u{1b}[2J"])
    #expect(reading.settings == nil)
    #expect(
      reading.faults.map(\.description) == [
        "PORT=70000 (from .env:1) is not allowed; it must be a whole number, 0 to 65535",
        "DIRECTORY_SERVER__MAX_PEERS=\"many\\n\\u001b[2J\" (from environment) is not "
          + "allowed; it must be a whole number, 1 to 1000000",
        "LOG_LEVEL=loud (from flag --log-level) is not allowed; it must be trace, debug, "
          + "info, notice, warning, error or critical",
      ])
  }

  @Test("flags that are unknown, without their value, or no flags at all are faults with a hint")
  func flagFaults() {
    #expect(
      load(["--max-peer", "5", "run", "--port"]).faults.map(\.description) == [
        "unknown flag --max-peer; did you mean --max-peers?",
        "unexpected argument run; see --help",
        "--port needs a value: a whole number, 0 to 65535",
      ])
    #expect(load(["--zzzzzz"]).faults.first?.description == "unknown flag --zzzzzz; see --help")
  }

  @Test("a yes-or-no flag may stand alone")
  func boolFlags() {
    #expect(load(["--proxy-protocol", "--port", "1"]).settings?.proxyProtocol == true)
    #expect(load(["--status-nicks", "no"]).settings?.statusNicks == false)
    #expect(load(["--status-nicks=off"]).settings?.statusNicks == false)
  }

  @Test("a named file must exist and be text; .env need not exist")
  func files() throws {
    #expect(
      load(["--env-file", "other"]).faults.map(\.description) == [
        "cannot read other: the file does not exist"
      ])
    #expect(
      load(["--env-file"]).faults.map(\.description) == [
        "--env-file needs a value: the path of a file"
      ])
    try scratch.write("MAX_PEERS=9", to: "other")
    #expect(load(["--env-file", "other"]).settings?.maxPeers == 9)
    #expect(load(["--env-file=\(scratch.path)/other"]).settings?.maxPeers == 9)
    try Data([0x41, 0x3d, 0xff]).write(to: URL(fileURLWithPath: scratch.path + "/.env"))
    #expect(load().faults.map(\.description) == ["cannot read .env: it is not UTF-8 text"])
    #expect(load(["--env-file", "."]).faults.count == 1)
  }

  @Test("a misspelt name with one of the prefixes causes a warning, other names do not")
  func unknownNames() {
    let reading = load(
      [],
      [
        "DIRECTORY_SERVER__MAX_PEER": "1", "MAX_PEER": "1", "HEARTBEAT_PONGWAIT": "1",
        "NICK_AUTH_MOOD": "x",
        "JOINMARKET_XYZZY": "1", "MESAGE_RATE_LIMIT": "1",
        "PATH": "/bin", "LISTEN_FDS": "1", "LISTEN_PID": "1", "LOGNAME": "x", "HOSTNAME": "x",
        "PORTS": "1",
      ])
    #expect(reading.settings != nil)
    #expect(
      reading.warnings.map(\.description) == [
        "unknown setting DIRECTORY_SERVER__MAX_PEER (from environment) is ignored; did you "
          + "mean DIRECTORY_SERVER__MAX_PEERS?",
        "unknown setting HEARTBEAT_PONGWAIT (from environment) is ignored; did you mean "
          + "HEARTBEAT_PONG_WAIT?",
        "unknown setting JOINMARKET_XYZZY (from environment) is ignored",
        "unknown setting MAX_PEER (from environment) is ignored; did you mean MAX_PEERS?",
        "unknown setting MESAGE_RATE_LIMIT (from environment) is ignored; did you mean "
          + "MESSAGE_RATE_LIMIT?",
        "unknown setting NICK_AUTH_MOOD (from environment) is ignored; did you mean "
          + "NICK_AUTH_MODE?",
      ])
  }

  @Test(
    "in a .env each unknown name is a warning, and so are joinmarket-ng's without effect"
  )
  func fileWarnings() throws {
    try scratch.write(
      "WHATEVER=1\nBROADCAST_BATCH_SIZE=50\nDIRECTORY_SERVER__MAX_MESSAGE_SIZE=9\nPORT=1\nPORT=2\n")
    let reading = load()
    #expect(reading.settings?.port == 2)
    #expect(
      reading.warnings.map(\.description) == [
        "unknown setting WHATEVER (from .env:1) is ignored",
        "BROADCAST_BATCH_SIZE (from .env:2) has no effect in this relay",
        "DIRECTORY_SERVER__MAX_MESSAGE_SIZE (from .env:3) has no effect in this relay",
        "PORT is set again in .env:5; the last one holds",
      ])
  }

  @Test(
    "settings that contradict each other are faults",
    arguments: [
      (
        ["LISTEN_UNIX": "/a;name=x,/b;name=x"],
        "two listeners are called x: give one another ;name="
      ),
      (["LISTEN_UNIX": "/a;name=tcp"], "two listeners are called tcp: give one another ;name="),
      (["LISTEN_UNIX": "/a,/a"], "LISTEN_UNIX names a place twice, for the listener unix2"),
      (["HOST": "127.0.0.1:8080"], "PORT and HEALTH_CHECK_PORT are both 8080 on 127.0.0.1"),
      (["HOST": ""], "nothing to listen on: HOST is empty and LISTEN_UNIX is not set"),
      (["PORT": "8080"], "PORT and HEALTH_CHECK_PORT are both 8080 on 127.0.0.1"),
      (
        ["HEARTBEAT_HARD_EVICT": "600"],
        "HEARTBEAT_HARD_EVICT must be longer than HEARTBEAT_IDLE_THRESHOLD"
      ),
      (["PEER_BACKLOG_SOFT": "9MiB"], "PEER_BACKLOG_SOFT must not be larger than MAX_PEER_BACKLOG"),
      (
        ["MAX_LINE_LENGTH": "9MiB"],
        "MAX_LINE_LENGTH must not be larger than MAX_PEER_BACKLOG: one line would exceed it"
      ),
      (["MAX_BACKLOG": "7MiB"], "MAX_PEER_BACKLOG must not be larger than MAX_BACKLOG"),
      (
        ["NICK_AUTH_MODE": "require_verified"],
        "NICK_AUTH_MODE=require_verified needs NICK_AUTH_DIRECTORY_ID"
      ),
      (
        ["NICK_AUTH_DIRECTORY_ID": "auto"],
        "NICK_AUTH_DIRECTORY_ID=auto needs DIRECTORY_LOCATION or ONION_HOSTNAME_FILE"
      ),
    ])
  func conflicts(_ environment: [String: String], _ expected: String) {
    #expect(load([], environment).faults.map(\.description) == [expected])
  }

  @Test("sockets from systemd suffice as listeners")
  func inherited() {
    #expect(load([], ["HOST": "", "LISTEN_FDS": "1"]).settings != nil)
  }

  @Test("suspicious but valid settings cause a warning, not a fault")
  func suspiciousSettings() {
    let reading = load([], ["MESSAGE_BURST_LIMIT": "5", "HANDSHAKE_TIMEOUT": "10"])
    #expect(reading.settings?.messageBurstLimit == 5)
    #expect(reading.warnings.count == 2)
  }

  @Test("a reload applies the settings that it may change, and reports the others")
  func reload() throws {
    let old = try #require(load().settings)
    let new = try #require(
      load(["--motd", "hi", "--port", "1", "--heartbeat-pong-wait", "1.5"]).settings)
    #expect(
      new.differences(from: old).map(\.definition.name) == ["MOTD", "PORT", "HEARTBEAT_PONG_WAIT"])
    let running = old.reloading(new)
    #expect(running.motd == "hi")
    #expect(running.heartbeat.pongWait == .milliseconds(1500))
    #expect(running.port == 5222)
    #expect(
      new.differences(from: running).map { "\($0.definition.name) \($0.old) \($0.new)" } == [
        "PORT 5222 1"
      ])
    #expect(old.differences(from: old).isEmpty)
  }

  @Test("an onion among the settings is kept out of the log")
  func onionNotLogged() throws {
    let settings = try #require(load(["--directory-location", RowCase.onion + ":5222"]).settings)
    #expect(settings.differences(from: Settings()).map(\.newForLog) == ["(not logged)"])
    for environment in [
      ["DIRECTORY_LOCATION": "xyz.onion:5222"], ["NICK_AUTH_DIRECTORY_ID": "XYZ.ONION:5222"],
    ] {
      let faults = load([], environment).faults
      #expect(faults.count == 1)
      #expect(!faults.contains { $0.forLog.lowercased().contains("xyz") })
      #expect(faults.contains { $0.description.lowercased().contains("xyz") })
    }
  }

  @Test("check-config's lines name value and origin, and can be read again")
  func lines() throws {
    let reading = load(["--motd", "a \"b\" c"], ["MAX_PEERS": "5"])
    let lines = try #require(reading.settings).lines(origins: reading.origins)
    #expect(lines.contains(#"MOTD="a \"b\" c"  (from flag --motd)"#))
    #expect(lines.contains("MAX_PEERS=5  (from environment)"))
    #expect(lines.contains("HOST=127.0.0.1  (from default)"))
    #expect(lines.count == Settings.table.count)
    try scratch.write(
      lines.map { $0.components(separatedBy: "  (from")[0] }.joined(separator: "\n"))
    #expect(load().settings == reading.settings)
  }
}

@Suite(".env files")
struct DotEnvTests {
  func value(_ line: String) -> String? { DotEnv(line).entries.first?.value }

  @Test("blank lines, comments, export, blanks around, CRLF and a byte order mark")
  func layout() {
    let file = DotEnv(
      "\u{feff}A=1\r\n\r\n  # B=2\r\nexport C = 3 \r\n\texport\tD=4\nexported=5\nE=\n")
    #expect(file.entries.map(\.name) == ["A", "C", "D", "exported", "E"])
    #expect(file.entries.map(\.value) == ["1", "3", "4", "5", ""])
    #expect(file.entries.map(\.line) == [1, 4, 5, 6, 7])
    #expect(file.malformed.isEmpty)
  }

  @Test("quotes and comments behind values")
  func quotes() {
    #expect(value("A=x # y") == "x")
    #expect(value("A=x#y") == "x#y")
    #expect(value("A=# y") == "")
    #expect(value("A=\"x # y\" # z") == "x # y")
    #expect(value("A='x # y'#z") == "x # y")
    #expect(value(#"A="a\nb\t\"\\\$\x""#) == "a\nb\t\"\\$\\x")
    #expect(value(#"A='a\nb'"#) == #"a\nb"#)
    #expect(value("A=$HOME ${X}") == "$HOME ${X}")
    #expect(value("A=a=b") == "a=b")
    #expect(value("A=\"\"") == "")
    #expect(value("A=it's") == "it's")
  }

  @Test("a line that is no assignment is named with its number and reason")
  func malformed() {
    let file = DotEnv("A=1\nnonsense\nB=\"x\nC='y' z\nD E=1\n=1\nF=2")
    #expect(file.entries.map(\.name) == ["A", "F"])
    #expect(
      file.malformed == [
        .init(line: 2, reason: "it has no ="),
        .init(line: 3, reason: "a quote is not closed"),
        .init(line: 4, reason: "there is text after the closing quote"),
        .init(line: 5, reason: "\"D E\" is not a name"),
        .init(line: 6, reason: "\"\" is not a name"),
      ])
  }
}
