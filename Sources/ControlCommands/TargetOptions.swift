/// The options of every command: the relay's address and the timeout.
import ArgumentParser
import EventLoop
import Settings

struct TargetOptions: ParsableArguments {
  @Flag(help: "Print the relay's answer as JSON.")
  var json = false

  @Option(help: "The relay's HEALTH_CHECK_HOST. Default: the setting of this machine.")
  var host: String?

  @Option(help: "The relay's HEALTH_CHECK_PORT. Default: the setting of this machine.")
  var port: UInt16?

  @Option(
    help: ArgumentHelp(
      "A Unix socket that forwards to the status port, made by ssh -L or socat.",
      valueName: "path"), completion: .file())
  var unix: String?

  @Option(
    name: [.customShort("l"), .long],
    help: ArgumentHelp(
      "Accepted for joinmarket-ng's scripts; nothing is logged.", visibility: .hidden))
  var logLevel: String?

  @Option(help: "The timeout of the answer, in seconds.")
  var timeout = 5.0

  func validate() throws {
    guard timeout > 0, timeout <= 3600 else {
      throw ValidationError("--timeout must be more than 0 and at most 3600 seconds")
    }
    guard unix == nil || (host == nil && port == nil) else {
      throw ValidationError("--unix excludes --host and --port")
    }
  }

  /// With wrong settings the command uses the defaults.
  var endpoint: StatusClient.Endpoint {
    if let unix { return .unix(path: unix) }
    let settings =
      Settings.load(arguments: [], environment: Settings.processEnvironment).settings
      ?? Settings()
    return .tcp(host: host ?? settings.healthHost, port: port ?? settings.healthPort)
  }

  var responseTimeout: Duration { .seconds(timeout) }

  /// Returns the body of a 200. Anything else ends the command with a line that says what to do.
  func fetch(_ path: String) throws -> String {
    let endpoint = endpoint
    let response: StatusClient.Response
    do throws(StatusClient.Failure) {
      response = try StatusClient(endpoint: endpoint, timeout: responseTimeout).get(path)
    } catch {
      printError("unreachable: " + error.description(at: endpoint))
      throw ExitCode(1)
    }
    guard response.status == 200 else {
      printError(
        "\(endpoint) answers \(response.status) to \(path); is it a relay of this version?")
      throw ExitCode(1)
    }
    return String(decoding: response.body, as: UTF8.self)
  }
}
