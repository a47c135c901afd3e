/// The manual page, jm-directory-ctl(1), made from the same texts as `--help`; and shell
/// completions are ArgumentParser's own (`--generate-completion-script`).
import ArgumentParser
import Status

extension DirectoryControl {
  struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the manual page.", shouldDisplay: false)

    func run() { print(DirectoryControl.manual.text, terminator: "") }
  }

  static var manual: ManualPage {
    var page = ManualPage(
      "jm-directory-ctl", section: 1,
      abstract: "ask a running JoinMarket directory node for its state")
    page.heading("SYNOPSIS")
    page.verbatim("jm-directory-ctl health|status|metrics|top [options]")
    page.verbatim("jm-directory-ctl peers [options]")
    page.verbatim("jm-directory-ctl close --circuit [listener:]id | --nick nick [options]")
    page.verbatim("jm-directory-ctl probe onion:port [options]")
    page.heading("DESCRIPTION")
    page.paragraph(configuration.discussion)
    page.heading("COMMANDS")
    let commands: [any ParsableCommand.Type] = [
      Health.self, Status.self, Metrics.self, Top.self, Peers.self, Close.self, Probe.self,
    ]
    for command in commands {
      page.verbatim(helpMessage(for: command, columns: 76).trimmedLines)
    }
    page.heading("ENVIRONMENT")
    page.item(
      "HEALTH_CHECK_HOST, HEALTH_CHECK_PORT",
      """
      The address of the relay, unless --host, --port or --unix is given. The command reads the \
      same sources as the relay, the file .env included.
      """)
    page.item(
      "ADMIN_SOCKET", "The socket that peers and close ask, unless --admin-socket is given.")
    page.item("NO_COLOR", "If it is set and not empty, top uses no colours.")
    page.heading("EXIT STATUS")
    page.item("0", "The relay answers, and for health: it is healthy.")
    page.item(
      "1",
      """
      The relay does not. For close: nothing to close. For probe: the directory refuses, or a step \
      fails.
      """)
    page.item("2", "For probe: the directory cannot be reached.")
    page.item("3", "For probe: another service answers.")
    page.item("4", "For probe: Tor on this machine does not answer.")
    page.item("64", "The command line is wrong.")
    page.heading("SEE ALSO")
    page.paragraph("jm-directory-server(8)")
    return page
  }
}

extension String {
  /// Without blanks at the ends of lines and empty lines at the end.
  fileprivate var trimmedLines: String {
    var lines = split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(line.reversed().drop { $0 == " " }.reversed())
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.joined(separator: "\n")
  }
}
