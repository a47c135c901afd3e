/// `jm-directory-ctl peers` and `close`, which use the relay's admin socket.
import ArgumentParser
import Settings
import Units

struct AdminOptions: ParsableArguments {
  @Flag(help: "Print JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "The relay's ADMIN_SOCKET. Default: what its settings say here.", valueName: "path"),
    completion: .file())
  var adminSocket: String?

  @Option(help: "How many seconds the relay has to answer.")
  var timeout = 5.0

  func validate() throws {
    guard timeout > 0, timeout <= 3600 else {
      throw ValidationError("--timeout must be more than 0 and at most 3600 seconds")
    }
  }

  /// Asks the relay; a failure ends the command with a line that says what to do.
  func ask<Answer>(
    _ question: (AdminClient) throws(AdminClient.Failure) -> Answer
  ) throws -> Answer {
    let settings = Settings.load(arguments: [], environment: Settings.processEnvironment).settings
    guard let path = adminSocket ?? settings?.adminSocket else {
      printError("ADMIN_SOCKET is not set here: set it for the relay too, or give --admin-socket")
      throw ExitCode(1)
    }
    do throws(AdminClient.Failure) {
      return try question(AdminClient(path: path, timeout: .seconds(timeout)))
    } catch {
      printError(error.description(at: path))
      throw ExitCode(1)
    }
  }
}

extension DirectoryControl {
  struct Peers: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show connections by Tor circuit and what they cost, the most costly first.",
      discussion: """
        It asks ADMIN_SOCKET. DELIVERIES are copies of their lines that others were sent, \
        BACKLOG the bytes that they have not read; both since they connected.
        """)

    @OptionGroup var options: AdminOptions

    @Option(help: "Show only so many circuits. Default: all.")
    var first: Int?

    func validate() throws {
      if let first, first < 1 { throw ValidationError("--first must be at least 1") }
    }

    func run() throws {
      let report = PeersReport(
        try options.ask { (client) throws(AdminClient.Failure) in try client.peers() })
      if options.json { return print(report.json) }
      for line in report.lines(first: first) { print(line) }
    }
  }

  struct Close: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Close the connections of a Tor circuit or of a nick.",
      discussion: "It asks ADMIN_SOCKET. Exits 1 when there are none.")

    @OptionGroup var options: AdminOptions

    @Option(
      help: ArgumentHelp(
        "A circuit as peers shows it; with one PROXY listener the number is enough.",
        valueName: "[listener:]id"))
    var circuit: String?

    @Option(help: "The nick of a peer.")
    var nick: String?

    func validate() throws {
      guard (circuit == nil) != (nick == nil) else {
        throw ValidationError("give --circuit or --nick")
      }
      if let circuit, !Self.isCircuit(circuit) {
        throw ValidationError("--circuit takes a number, as in 22 or tor:22")
      }
      if let nick, !Self.isWord(nick) { throw ValidationError("--nick takes a nick") }
    }

    private static func isCircuit(_ text: String) -> Bool {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && isWord(String($0)) }) else {
        return false
      }
      return parts.last.flatMap { UInt32($0) } != nil
    }

    private static func isWord(_ text: String) -> Bool {
      !text.isEmpty && text.utf8.count <= 64 && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }

    func run() throws {
      let peers = circuit.map { "circuit \($0)" } ?? "nick \(nick ?? "")"
      let count = try options.ask { (client) throws(AdminClient.Failure) in
        try client.close(peers)
      }
      print(options.json ? "{\"closed\": \(count)}" : "closed \(count)")
      if count == 0 { throw ExitCode(1) }
    }
  }
}
