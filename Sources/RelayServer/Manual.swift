/// The manual page, jm-directory-server(8). The settings come from the settings table, as in
/// `--help`.
import ArgumentParser
import ControlCommands
import Settings
import Status

extension DirectoryServer {
  struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the manual page.", shouldDisplay: false)

    func run() { print(DirectoryServer.manual.text, terminator: "") }
  }

  static var manual: ManualPage {
    var page = ManualPage(
      "jm-directory-server", section: 8, abstract: "JoinMarket directory node")
    page.heading("SYNOPSIS")
    page.verbatim("jm-directory-server [run|check-config|health|status] [flags]")
    page.heading("DESCRIPTION")
    page.paragraph(configuration.abstract)
    page.paragraph(
      """
      Precedence: flags, the environment, the file .env in the working directory (or --env-file \
      PATH), joinmarket-ng's config.toml (JOINMARKET_CONFIG_FILE, or config.toml in \
      JOINMARKET_DATA_DIR), defaults.
      """)
    page.heading("COMMANDS")
    let commands: [(String, any ParsableCommand.Type)] = [
      ("run", Run.self), ("check-config", CheckConfig.self), ("health", Health.self),
      ("status", Status.self),
    ]
    for (name, command) in commands { page.item(name, command.configuration.abstract) }
    page.heading("SETTINGS")
    for row in Settings.table {
      let names = [row.name] + (row.ngName.map { [$0] } ?? [])
      page.item("\(row.flag), \(names.joined(separator: ", "))", row.meaning + " " + row.sentence)
    }
    page.heading("SIGNALS")
    page.item("SIGTERM, SIGINT", "Stop after a flush. A second signal stops at once.")
    page.item("SIGHUP", "Read the settings again. The log names those that need a restart.")
    page.item("SIGUSR1", "Write the status report to the log.")
    page.heading("EXIT STATUS")
    page.item("0", "Stopped by a signal. For health: healthy.")
    page.item("1", "For health: unhealthy, or no answer.")
    page.item("71", "The system refused a resource; another start may work.")
    page.item("78", "A setting is wrong.")
    page.heading("SEE ALSO")
    page.paragraph("jm-directory-ctl(1)")
    return page
  }
}
