/// `jm-directory-ctl probe`: checks from outside, through Tor, whether a directory node serves
/// peers.
import ArgumentParser
import EventLoop
import FoundationEssentials
import Settings
import Units
import Wire

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

extension DirectoryControl {
  struct Probe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Connect to a directory through Tor as a peer does, and report each step.",
      discussion: """
        Connects, completes a handshake with a new nick, proves it, sends a PING and asks for the \
        peerlist. Works against any JoinMarket directory node. Exit code: 0 healthy, 1 it refuses \
        or a step fails, 2 it cannot be reached, 3 another service answers, 4 Tor on this \
        machine does not answer, 64 the command line is wrong.
        """)

    @Argument(
      help: ArgumentHelp(
        "The directory as clients dial it. Default port: 5222.",
        valueName: "onion:port"))
    var directory: String

    @Option(help: ArgumentHelp("Tor's SOCKS port.", valueName: "host:port"))
    var socks = "127.0.0.1:9050"

    @Option(
      help: ArgumentHelp(
        "Connect to this address or Unix socket instead, without Tor.",
        valueName: "host:port|path"))
    var direct: String?

    @Option(help: "The Bitcoin network. Default: NETWORK of this machine, else mainnet.")
    var network: String?

    @Flag(help: "Act as a client that cannot prove its nick.")
    var noProof = false

    @Option(help: "The timeout of each step, in seconds.")
    var timeout = 60.0

    @Flag(help: "Print a JSON object.")
    var json = false

    @Flag(help: "Repeat, and print one line a probe.")
    var watch = false

    @Option(help: "With --watch: seconds from one probe to the next.")
    var every = 60.0

    @Option(help: "With --watch: the number of probes. The exit code is the last one's.")
    var count: Int?

    func validate() throws {
      guard timeout > 0, timeout <= 3600 else {
        throw ValidationError("--timeout must be more than 0 and at most 3600 seconds")
      }
      guard every >= 1, every <= 86_400 else {
        throw ValidationError("--every must be 1 to 86400 seconds")
      }
      if let count, count < 1 { throw ValidationError("--count must be at least 1") }
      _ = try probe()
    }

    func run() throws {
      let probe = try probe()
      guard watch else {
        let report = probe.run()
        show(json ? [try ProbeJSON.text(report)] : report.lines)
        throw ExitCode(report.outcome.exitCode)
      }
      var left = count ?? .max
      while true {
        let began = ContinuousClock.now
        let report = probe.run()
        show([
          try json ? ProbeJSON.text(report, at: .now) : ProbeJSON.time(.now) + "  " + report.summary
        ])
        left -= 1
        guard left > 0 else { throw ExitCode(report.outcome.exitCode) }
        let pause = Duration.seconds(every) - (ContinuousClock.now - began)
        if pause > .zero { usleep(UInt32(clamping: pause.nanoseconds / 1000)) }
      }
    }

    private func show(_ lines: [String]) {
      for line in lines { print(line) }
      fflush(nil)
    }

    private func probe() throws -> DirectoryProbe {
      DirectoryProbe(
        target: try target(), route: try route(), network: try bitcoinNetwork(),
        provesNick: !noProof, timeout: .seconds(timeout))
    }

    private func target() throws -> DirectoryProbe.Target {
      let (host, port) = try Self.endpoint(directory, defaultPort: 5222)
      guard
        !host.hasSuffix(".onion")
          || (try? OnionEndpoint("\(host):\(port)", network: .mainnet)) != nil
      else {
        throw ValidationError(
          "\(host.quotedForOneLine) is not a v3 onion address: 56 letters and digits 2 to 7 with a "
            + "checksum; check for a missing or wrong letter")
      }
      return .init(host: host, port: port)
    }

    private func route() throws -> DirectoryProbe.Route {
      guard let direct else {
        let (host, port) = try Self.endpoint(socks, defaultPort: 9050)
        return .socks(.tcp(host: host, port: port))
      }
      if direct.contains("/") { return .direct(.unix(path: direct)) }
      let (host, port) = try Self.endpoint(direct, defaultPort: 5222)
      return .direct(.tcp(host: host, port: port))
    }

    private func bitcoinNetwork() throws -> Network {
      guard let network else {
        return Settings.load(arguments: [], environment: Settings.processEnvironment)
          .settings?.network ?? .mainnet
      }
      guard let known = Network(rawValue: network.lowercased()) else {
        throw ValidationError("--network must be mainnet, testnet, signet or regtest")
      }
      return known
    }

    /// Splits `host:port`, `[IPv6]:port` or a host alone. The host is in lower case.
    static func endpoint(_ text: String, defaultPort: UInt16) throws -> (host: String, port: UInt16)
    {
      var host = Substring(text)
      var port = defaultPort
      if let colon = text.lastIndex(of: ":"), text.hasPrefix("[") ? !text.hasSuffix("]") : true {
        guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else {
          throw ValidationError("\(text.quotedForOneLine) has no port of 1 to 65535")
        }
        (host, port) = (text[..<colon], number)
      }
      if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
      guard !host.isEmpty, host.utf8.count <= 255 else {
        throw ValidationError("\(text.quotedForOneLine) has no host of 1 to 255 bytes")
      }
      return (host.lowercased(), port)
    }
  }
}

/// Reports as JSON, one line each.
enum ProbeJSON {
  /// A report of `--watch`.
  private struct Timed: Encodable {
    let time: String
    let report: ProbeReport

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(time, forKey: .time)
      try report.encode(to: encoder)
    }

    private enum Key: CodingKey { case time }
  }

  static func text(_ report: ProbeReport, at time: Date? = nil) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let data =
      if let time { try encoder.encode(Timed(time: Self.time(time), report: report)) } else {
        try encoder.encode(report)
      }
    return visible(String(decoding: data, as: UTF8.self))
  }

  /// In UTC, as in `2026-11-28T14:30:00Z`.
  static func time(_ date: Date) -> String { date.formatted(.iso8601) }

  /// Escapes characters that control a terminal: JSON leaves most of them unescaped.
  private static func visible(_ json: String) -> String {
    var out = ""
    for scalar in json.unicodeScalars {
      let isPlain = (" "..."~").contains(scalar) || scalar.properties.isAlphabetic
      if isPlain {
        out.unicodeScalars.append(scalar)
      } else {
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    return out
  }
}
