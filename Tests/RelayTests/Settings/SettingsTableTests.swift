/// Every row of the settings table: its default, its bounds from both sides, and its names.
import Testing

@testable import Directory
@testable import Settings

/// A row's allowed and refused texts, and the canonical text of each allowed one.
struct RowCase: Sendable, CustomTestStringConvertible {
  var name: String
  var defaultText: String
  var fine: [(text: String, shown: String)]
  var wrong: [String]

  var testDescription: String { name }

  init(_ name: String, _ defaultText: String, _ fine: [(String, String)], wrong: [String]) {
    self.name = name
    self.defaultText = defaultText
    self.fine = fine
    self.wrong = wrong
  }

  static func integer(_ name: String, _ defaultText: String, _ low: Int, _ high: Int) -> RowCase {
    RowCase(
      name, defaultText, [("\(low)", "\(low)"), ("\(high)", "\(high)")],
      wrong: [
        "\(low - 1)", "\(high + 1)", "+\(high)", "1.5", "ten", "0x1", " 5", "99999999999999999999",
      ])
  }

  static func seconds(_ name: String, _ defaultText: String, _ low: String, _ high: String)
    -> RowCase
  {
    RowCase(
      name, defaultText, [(low, low), (high, high), ("1.5", "1.5")],
      wrong: [high + "1", high + ".001", "-1", "1e3", "inf", "nan", ".5", "5.", "1.2.3", "5s"]
        + (low == "0" ? [] : ["0"]))
  }

  static func bool(_ name: String, _ defaultText: String) -> RowCase {
    RowCase(
      name, defaultText,
      ["true", "TRUE", "1", "yes", "On"].map { ($0, "true") }
        + ["false", "0", "No", "off"].map { ($0, "false") }, wrong: ["2", "y", "enabled"])
  }

  // A real address with a valid checksum.
  static let onion = "nakamotourflxwjnjpnrk7yc2nhkf6r62ed4gdfxmmn5f4saw5q5qoyd.onion"

  static let all: [RowCase] = [
    .init(
      "NETWORK", "mainnet", [("testnet", "testnet"), ("Signet", "signet"), ("regtest", "regtest")],
      wrong: ["main", "bitcoin"]),
    .bool("ALLOW_CLEARNET_LOCATIONS", ""),
    .init(
      "DIRECTORY_LOCATION", "",
      [(onion + ":5222", onion + ":5222"), (onion.uppercased() + ":1", onion + ":1")],
      wrong: [
        onion, onion + ":0", onion + ":65536", "a.onion:5222", "1.2.3.4:5222", "b" + onion + ":1",
      ]
    ),
    .init(
      "ONION_HOSTNAME_FILE", "", [("/x y", "/x y")], wrong: [String(repeating: "a", count: 4096)]),
    .integer("ONION_PORT", "5222", 1, 65535),
    .init(
      "MOTD", "JoinMarket Directory Server",
      [
        ("", ""), ("grüße", "grüße"),
        (String(repeating: "a", count: 4096), String(repeating: "a", count: 4096)),
      ],
      wrong: ["\u{1b}[31m", String(repeating: "a", count: 4097)]),
    .bool("MOTD_VERSION", "true"),
    .init(
      "HOST", "127.0.0.1",
      [
        ("", ""), ("0.0.0.0", "0.0.0.0"), ("[::1]", "::1"), ("localhost", "localhost"),
        ("127.0.0.1,[::1]:5223;name=far;proxy=yes", "127.0.0.1,[::1]:5223;name=far;proxy=true"),
        ("127.0.0.2:0;proxy=0", "127.0.0.2:0;proxy=false"),
      ],
      wrong: [
        "a b", "relay-1", "1.2.3", "1.2.3.256", ":::", "127.0.0.1,", ",", "127.0.0.1:65536",
        "127.0.0.1:", "127.0.0.1;", "127.0.0.1;name=", "127.0.0.1;name=a b",
        "127.0.0.1;proxy=maybe",
        "127.0.0.1;name=a;name=b", "127.0.0.1;colour=red",
        Array(repeating: "127.0.0.1", count: 65).joined(separator: ","),
      ]),
    .integer("PORT", "5222", 0, 65535),
    .init(
      "LISTEN_UNIX", "",
      [
        ("/run/jm.sock", "/run/jm.sock"),
        (
          "/run/a;name=a;proxy=true,/run/b;proxy=off", "/run/a;name=a;proxy=true,/run/b;proxy=false"
        ),
      ],
      wrong: [
        String(repeating: "a", count: 108), "/a,", "/a;x=y",
        "/a;name=\(String(repeating: "n", count: 33))",
      ]),
    .init(
      "LISTEN_UNIX_MODE", "0660", [("660", "0660"), ("0777", "0777"), ("0", "0000")],
      wrong: ["0888", "1000", "rw", "-1"]),
    .bool("PROXY_PROTOCOL", "false"),
    .init(
      "TOR_CONTROL", "",
      [
        ("unix:/run/tor/control", "unix:/run/tor/control"), ("127.0.0.1:9051", "127.0.0.1:9051"),
        ("[::1]:9051;listener=tor-1", "[::1]:9051;listener=tor-1"),
      ],
      wrong: [
        "unix:", "/run/tor/control", "127.0.0.1", "127.0.0.1:0", "::1:9051", "tor:9051",
        "unix:/a;listener=", "unix:/a;name=b", "unix:/a;listener=a;listener=b",
        "unix:/" + String(repeating: "a", count: 107),
      ]),
    .init("TOR_CONTROL_COOKIE_FILE", "", [("/run/c", "/run/c")], wrong: []),
    .init("TOR_CONTROL_PASSWORD_FILE", "", [("/run/p", "/run/p")], wrong: []),
    .seconds("TOR_CONTROL_CLOSE_AFTER", "60", "1", "3600"),
    .init("HEALTH_CHECK_HOST", "127.0.0.1", [("::1", "::1")], wrong: ["a b"]),
    .integer("HEALTH_CHECK_PORT", "8080", 0, 65535),
    .integer("MAX_PEERS", "10000", 1, 1_000_000),
    .integer("MAX_PENDING", "2500", 1, 1_000_000),
    .integer("MAX_PEERS_PER_CIRCUIT", "8", 1, 1_000_000),
    .seconds("HANDSHAKE_TIMEOUT", "30", "0.1", "600"),
    .seconds("NICK_CHALLENGE_TIMEOUT", "10", "0.1", "60"),
    .init(
      "MAX_LINE_LENGTH", "64KiB",
      [("65536", "64KiB"), ("1024", "1KiB"), ("16mib", "16MiB"), ("1025", "1025")],
      wrong: ["1023", "17MiB", "1.5MiB", "64KB", "KiB", "-1", "99999999999GiB"]),
    .integer("MAX_JSON_NESTING_DEPTH", "10", 1, 64),
    .integer("MESSAGE_RATE_LIMIT", "100", 0, 1_000_000),
    .integer("MESSAGE_BURST_LIMIT", "1000", 1, 10_000_000),
    .integer("RATE_LIMIT_DISCONNECT", "0", 0, 1_000_000_000),
    .integer("PUBLIC_RATE_LIMIT", "30", 0, 1_000_000),
    .integer("PUBLIC_BURST_LIMIT", "120", 1, 10_000_000),
    .init(
      "PUBLIC_BYTES_LIMIT", "64KiB", [("0", "0"), ("1GiB", "1GiB")], wrong: ["-1", "2GiB"]),
    .integer("ORDERBOOK_RATE_LIMIT", "6", 0, 1_000_000),
    .integer("PEERLIST_RATE_LIMIT", "6", 0, 1_000_000),
    .integer("FANOUT_RATE_LIMIT", "100000", 0, 1_000_000_000),
    .init(
      "FANOUT_BYTES_LIMIT", "64MiB", [("0", "0"), ("1024GiB", "1024GiB")],
      wrong: ["-1", "1025GiB"]),
    .integer("ORDERBOOK_TOTAL_LIMIT", "150", 0, 1_000_000),
    .seconds("STRANGER_TIME", "180", "0", "86400"),
    .init(
      "MAX_PEER_BACKLOG", "8MiB", [("64 KiB", "64KiB"), ("1GiB", "1GiB")],
      wrong: ["65535", "2GiB"]),
    .init(
      "PEER_BACKLOG_SOFT", "1MiB", [("16KiB", "16KiB"), ("1GiB", "1GiB")],
      wrong: ["16383", "2GiB"]),
    .seconds("PEER_BACKLOG_SOFT_TIME", "60", "0.1", "3600"),
    .init(
      "MAX_BACKLOG", "512MiB", [("64KiB", "64KiB"), ("1024GiB", "1024GiB")],
      wrong: ["65535", "1025GiB"]),
    .seconds("HEARTBEAT_SWEEP_INTERVAL", "60", "0.05", "86400"),
    .seconds("HEARTBEAT_IDLE_THRESHOLD", "600", "0.05", "86400"),
    .seconds("HEARTBEAT_HARD_EVICT", "1500", "0.05", "604800"),
    .seconds("HEARTBEAT_PONG_WAIT", "30", "0.05", "86400"),
    .init(
      "NICK_AUTH_MODE", "prefer_verified",
      [("require_verified", "require_verified"), ("DISABLED", "disabled")],
      wrong: ["prefer", "true"]),
    .init(
      "NICK_AUTH_DIRECTORY_ID", "", [("AUTO", "auto"), ("test:dir", "test:dir")],
      wrong: ["a|b", "a b", "A.onion", ".a", "-a"]),
    .seconds("NICK_AUTH_TIMEOUT", "30", "0.1", "30"),
    .init(
      "LOG_LEVEL", "info",
      [
        ("DEBUG", "debug"), ("Warning", "warning"), ("WARN", "warning"), ("critical", "critical"),
        ("trace", "trace"),
      ],
      wrong: ["verbose", "3"]),
    .init("LOG_FORMAT", "text", [("JSON", "json")], wrong: ["yaml"]),
    .bool("STATUS_NICKS", "true"),
    .init(
      "STATUS_HOSTS", "", [("a, B.c,[::1]", "a,b.c,[::1]"), ("relay", "relay")],
      wrong: ["a/b", "http://a", "é", String(repeating: "a ", count: 65)]),
    .init(
      "ADMIN_SOCKET", "", [("/run/jm/admin", "/run/jm/admin")],
      wrong: [String(repeating: "a", count: 104)]),
    .init(
      "DATA_DIR", "", [("/var/lib/jm", "/var/lib/jm")], wrong: [String(repeating: "a", count: 4096)]
    ),
    .seconds("SHUTDOWN_GRACE", "10", "0", "600"),
    .bool("ALLOW_ROOT", "false"),
    .init(
      "FD_STORE", "auto", [("/run/store", "/run/store"), ("systemd", "systemd")],
      wrong: ["store", "run/store", "/" + String(repeating: "a", count: 107)]),
  ]
}

@Suite("The settings table")
struct SettingsTableTests {
  @Test("every row of the table has a case, and every case a row")
  func complete() {
    #expect(RowCase.all.map(\.name) == Settings.table.map(\.name))
  }

  @Test(
    "a row has its default, takes what its range allows and refuses what lies outside",
    arguments: RowCase.all)
  func row(_ expected: RowCase) throws {
    let row = try #require(Settings.table.first { $0.name == expected.name })
    #expect(row.defaultText == expected.defaultText)
    for (text, shown) in expected.fine {
      var settings = Settings()
      #expect(row.apply(text, &settings), "\(text)")
      #expect(row.text(settings) == shown)
      var again = Settings()
      #expect(row.apply(shown, &again), "what is shown is not read back: \(shown)")
      #expect(again == settings)
    }
    for text in expected.wrong {
      var settings = Settings()
      #expect(!row.apply(text, &settings), "\(text)")
      #expect(settings == Settings())
    }
  }

  @Test("a value is found under each of its names and flags", arguments: RowCase.all)
  func names(_ expected: RowCase) throws {
    let row = try #require(Settings.table.first { $0.name == expected.name })
    // Takes the last allowed value, because the first may be empty.
    let (text, shown) = try #require(expected.fine.last)
    for name in row.names {
      let reading = Settings.load(
        arguments: [], environment: [name: text], workingDirectory: "/nonexistent")
      #expect(reading.origins[row.name] == .environment, "\(name)")
      #expect(reading.warnings.allSatisfy { !"\($0)".contains("unknown") })
      if let settings = reading.settings { #expect(row.text(settings) == shown) }
      #expect(reading.faults.allSatisfy { if case .conflict = $0 { true } else { false } })
    }
    for flag in row.flags {
      let flags = SettingFlags([flag, text])
      #expect(flags.faults.isEmpty)
      #expect(flags.values[row.name]?.value == text)
      #expect(SettingFlags([flag + "=" + text]).values[row.name]?.value == text)
    }
  }

  @Test("no two rows share a name or a flag")
  func unique() {
    let names = Settings.table.flatMap(\.names)
    #expect(Set(names).count == names.count)
  }

  @Test("the names are those of joinmarket-ng")
  func ngNames() {
    let names = Set(Settings.table.compactMap(\.ngName))
    for name in [
      "NETWORK_CONFIG__NETWORK", "LOGGING__LEVEL", "JOINMARKET_DATA_DIR", "DIRECTORY_SERVER__HOST",
      "DIRECTORY_SERVER__PORT", "DIRECTORY_SERVER__MAX_PEERS",
      "DIRECTORY_SERVER__MESSAGE_RATE_LIMIT",
      "DIRECTORY_SERVER__MESSAGE_BURST_LIMIT", "DIRECTORY_SERVER__RATE_LIMIT_DISCONNECT_THRESHOLD",
      "DIRECTORY_SERVER__MAX_LINE_LENGTH", "DIRECTORY_SERVER__MAX_JSON_NESTING_DEPTH",
      "DIRECTORY_SERVER__HEALTH_CHECK_HOST", "DIRECTORY_SERVER__HEALTH_CHECK_PORT",
      "DIRECTORY_SERVER__MOTD", "DIRECTORY_SERVER__HEARTBEAT_SWEEP_INTERVAL",
      "DIRECTORY_SERVER__HEARTBEAT_IDLE_THRESHOLD", "DIRECTORY_SERVER__HEARTBEAT_HARD_EVICT",
      "DIRECTORY_SERVER__HEARTBEAT_PONG_WAIT", "DIRECTORY_SERVER__NICK_AUTH_MODE",
      "DIRECTORY_SERVER__NICK_AUTH_DIRECTORY_ID", "DIRECTORY_SERVER__NICK_AUTH_TIMEOUT",
    ] { #expect(names.contains(name), "\(name)") }
  }

  @Test("help and the Markdown table show every setting with its default")
  func texts() {
    for row in Settings.table {
      #expect(Settings.helpText.contains("  \(row.flag) \(row.valueName)\n      \(row.name)"))
      #expect(Settings.markdownTable.contains("| `\(row.name)` |"))
      #expect(Settings.markdownTable.contains(row.meaning))
    }
    let flat = Settings.helpText.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
    #expect(flat.contains("Default: 10000."))
    let longest = Settings.helpText.split(separator: "\n").map(\.utf8.count).max() ?? 0
    #expect(longest <= 78)
  }
}
