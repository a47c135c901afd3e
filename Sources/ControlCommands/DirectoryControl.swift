/// `jm-directory-ctl`: asks a running relay for its state. It reads the relay's own settings, so it
/// finds the relay on the same machine or in the same container without options.
import ArgumentParser
import FoundationEssentials
import Status
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

public struct DirectoryControl: ParsableCommand {
  public init() {}

  public static let configuration = CommandConfiguration(
    commandName: "jm-directory-ctl",
    abstract: "Asks a running JoinMarket directory node for its state.",
    discussion: """
      Every command but probe asks the relay's status port; peers and close ask its admin \
      socket. The exit code is 0 after a good answer, 1 without one, 64 when the command line is \
      wrong.
      """,
    version: relayVersion,
    subcommands: [
      Health.self, Status.self, Metrics.self, Top.self, Peers.self, Close.self, Probe.self,
      Manual.self,
    ])

  struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Exit 0 if the relay is healthy, 1 if it is not or cannot be reached.")

    @OptionGroup var target: TargetOptions

    func run() throws {
      try finish(
        StatusCommands.health(
          at: target.endpoint, timeout: target.responseTimeout, json: target.json))
    }
  }

  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show the connected peers, offers and rate limiting; exit 1 if the relay does not answer.")

    @OptionGroup var target: TargetOptions

    func run() throws {
      try finish(
        StatusCommands.status(
          at: target.endpoint, timeout: target.responseTimeout, json: target.json))
    }
  }

  struct Metrics: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the relay's metrics in Prometheus' text format; with --json as one object.")

    @OptionGroup var target: TargetOptions

    func run() throws {
      let text = MetricsLines.plain(try target.fetch("/metrics"))
      if target.json {
        print(MetricsLines.json(of: text))
      } else {
        print(text, terminator: "")
      }
    }
  }
}

func finish(_ outcome: StatusCommands.Outcome) throws {
  for line in outcome.out { print(line) }
  for line in outcome.error { printError(line) }
  if outcome.code != 0 { throw ExitCode(outcome.code) }
}

func printError(_ line: String) {
  let text = line + "\n"
  // There is nobody to tell when stderr fails.
  // Safe: the text stays where it is during the call.
  _ = unsafe text.utf8.withContiguousStorageIfAvailable {
    unsafe write(2, $0.baseAddress, $0.count)
  }
}

/// Converts samples of the text format to a JSON object with names and labels as keys.
enum MetricsLines {
  /// Returns the text without characters that control a terminal, except line breaks.
  static func plain(_ text: String) -> String {
    let scalars = text.unicodeScalars.filter {
      $0 == "\n" || $0.properties.generalCategory != .control
    }
    return String(String.UnicodeScalarView(scalars))
  }

  static func json(of text: String) -> String {
    let members = text.split(separator: "\n").compactMap { line -> String? in
      guard !line.hasPrefix("#"), let blank = line.lastIndex(of: " ") else { return nil }
      let value = line[line.index(after: blank)...]
      guard Double(value)?.isFinite == true else { return nil }
      let name = line[..<blank].replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
      return "\"\(name)\": \(value)"
    }
    return "{" + members.joined(separator: ", ") + "}"
  }
}

extension DirectoryControl {
  /// Runs the command that the process was called with. As with joinmarket-ng's tool, options may
  /// stand before the command: `jm-directory-ctl --port 8080 status`.
  package static func start() {
    main(optionsBehindCommand(Array(CommandLine.arguments.dropFirst())))
  }

  /// Moves options from before the command to after it.
  static func optionsBehindCommand(_ arguments: [String]) -> [String] {
    let withValue: Set = [
      "--host", "--port", "--unix", "--timeout", "--log-level", "-l", "--admin-socket",
    ]
    var options: [String] = []
    var rest = arguments[...]
    while let first = rest.first, withValue.contains(first) || isWhole(first, withValue) {
      options.append(rest.removeFirst())
      if withValue.contains(first), let value = rest.popFirst() { options.append(value) }
    }
    guard !options.isEmpty, let command = rest.popFirst() else { return arguments }
    return [command] + options + rest
  }

  /// An option that needs no further argument: `--json` or `--port=8080`.
  private static func isWhole(_ argument: String, _ withValue: Set<String>) -> Bool {
    argument == "--json" || withValue.contains { argument.hasPrefix($0 + "=") }
  }
}
