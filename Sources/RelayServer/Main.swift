/// `jm-directory-server`: runs the relay, checks its settings, or asks a running relay for its
/// state. The flags come from the settings table, so a setting is defined once. Each command passes
/// its arguments to `Settings.load`.
import ArgumentParser
import ControlCommands
import EventLoop
import Settings
import Status
import Units

/// One executable has two names. Swift's libraries are two thirds of a static executable, and the
/// container image holds them once.
@main
enum Main {
  static func main() {
    StandardDescriptors.fill()
    let name = CommandLine.arguments.first?.split(separator: "/").last
    if name == "jm-directory-ctl" { return DirectoryControl.start() }
    StandardDescriptors.ignoreWriteSignals()
    DirectoryServer.main()
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

/// Reads the settings and writes every fault to stderr. It also handles `--help` and `--version`,
/// because these commands take all arguments unparsed.
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

/// Reads the settings again, for SIGHUP.
private func rereader(_ flags: [String]) -> @Sendable () -> SettingsReading {
  { Settings.load(arguments: flags, environment: Settings.processEnvironment) }
}
