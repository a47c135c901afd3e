/// `jm-directory-server`: runs the relay, checks its settings, or asks a running one how it is. The
/// flags are not ArgumentParser's but the settings table's, so that a setting is written down once;
/// each command takes what it is given and hands it to `Settings.load`.
import ArgumentParser
import ControlCommands
import EventLoop
import Settings
import Status
import Units

/// One executable under two names: two thirds of a static one are Swift's libraries, and the
/// container image holds them once.
@main
enum Main {
  static func main() {
    StandardDescriptors.fill()
    let name = CommandLine.arguments.first?.split(separator: "/").last
    if name == "jm-directory-ctl" { DirectoryControl.start() } else { DirectoryServer.main() }
  }
}

struct DirectoryServer: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "jm-directory-server",
    abstract: "A JoinMarket directory node: lists peers and passes their messages on.",
    discussion: settingsHelp,
    version: relayVersion,
    subcommands: [
      Run.self, CheckConfig.self, Health.self, Status.self, SettingsTable.self, Manual.self,
    ],
    defaultSubcommand: Run.self)

  static let settingsHelp = """
    Precedence: flags, the environment, the file .env in the working directory
    (or --env-file PATH), joinmarket-ng's config.toml (JOINMARKET_CONFIG_FILE,
    or config.toml in JOINMARKET_DATA_DIR), defaults.

    SETTINGS (flag, names in the environment, meaning):
    \(Settings.helpText)
    """

  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Run the relay (the default command).", discussion: settingsHelp)

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp(valueName: "flags"))
    var flags: [String] = []

    func run() throws {
      let reading = try effective(flags, for: Self.self)
      guard let settings = reading.settings else { throw ExitCode.configuration }
      let code = start(settings, warnings: reading.warnings, reread: rereader(flags))
      if code != 0 { throw ExitCode(code) }
    }
  }

  struct CheckConfig: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check-config",
      abstract: "Print each effective setting and its source; exit 78 if one is wrong.",
      discussion: settingsHelp)

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp(valueName: "flags"))
    var flags: [String] = []

    func run() throws {
      let reading = try effective(flags, for: Self.self)
      printError(reading.warnings.map { "warning: \($0)" })
      guard let settings = reading.settings else { throw ExitCode.configuration }
      for line in settings.lines(origins: reading.origins) { print(line) }
    }
  }

  struct Health: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Ask the relay at HEALTH_CHECK_HOST and HEALTH_CHECK_PORT; exit 0 if healthy, 1 if not.",
      discussion: "--json prints its answer. The command reads the same settings as the relay.")

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp(valueName: "flags"))
    var flags: [String] = []

    func run() throws { try ask(flags, for: Self.self, StatusCommands.health) }
  }

  struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Show the connected peers, offers and rate limiting, as jm-directory-ctl status does.",
      discussion:
        "--json prints the relay's answer. The command reads the same settings as the relay."
    )

    @Argument(parsing: .captureForPassthrough, help: ArgumentHelp(valueName: "flags"))
    var flags: [String] = []

    func run() throws { try ask(flags, for: Self.self, StatusCommands.status) }
  }

  struct SettingsTable: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "settings-table", abstract: "Print all settings as a Markdown table.",
      shouldDisplay: false)

    func run() { print(Settings.markdownTable, terminator: "") }
  }
}

extension ExitCode {
  /// EX_CONFIG of sysexits.h.
  static let configuration = ExitCode(78)
}

/// Reads the settings and names every fault on stderr. The two flags that every command knows are
/// answered here, since a command that takes all arguments as they are takes these, too.
private func effective(_ flags: [String], for command: (some ParsableCommand).Type) throws
  -> SettingsReading
{
  if flags.contains("--help") || flags.contains("-h") { throw CleanExit.helpRequest(command) }
  if flags == ["--version"] { throw CleanExit.message(relayVersion) }
  let reading = rereader(flags)()
  printError(reading.faults.map { "error: \($0)" })
  return reading
}

/// Asks the relay at HEALTH_CHECK_HOST and HEALTH_CHECK_PORT, and prints what it answers.
private func ask(
  _ flags: [String], for command: (some ParsableCommand).Type,
  _ question: (StatusClient.Endpoint, Duration, Bool) -> StatusCommands.Outcome
) throws {
  let reading = try effective(flags.filter { $0 != "--json" }, for: command)
  guard let settings = reading.settings else { throw ExitCode.configuration }
  let outcome = question(
    .tcp(host: settings.healthHost, port: settings.healthPort), .seconds(5),
    flags.contains("--json"))
  for line in outcome.out { print(line) }
  printError(outcome.error)
  if outcome.code != 0 { throw ExitCode(outcome.code) }
}

/// The same reading again, for SIGHUP.
private func rereader(_ flags: [String]) -> @Sendable () -> SettingsReading {
  { Settings.load(arguments: flags, environment: Settings.processEnvironment) }
}
