import EventLoop
import Wire

/// Connects to a directory like a peer and reports each step with its time.
struct DirectoryProbe {
  struct Target: Equatable {
    let host: String
    let port: UInt16

    var description: String { "\(host):\(port)" }
  }

  enum Route: Equatable {
    /// Through Tor's SOCKS port.
    case socks(SocketAddress)
    /// Directly, to this address.
    case direct(SocketAddress)

    var description: String {
      switch self {
      case .socks(let address): "Tor at \(address)"
      case .direct(let address): "\(address), without Tor"
      }
    }
  }

  var target: Target
  var route: Route
  var network: Network
  /// Whether the probe can prove its nick, as current clients can.
  var provesNick = true
  /// The timeout of each step.
  var timeout: Duration = .seconds(60)
  /// The wire does not mark the end of a peerlist: this time without a frame counts as its end.
  var listQuiet: Duration = .seconds(2)

  /// Runs the probe, at most for the timeouts of all steps. The report names the step that failed.
  func run() -> ProbeReport { ProbeRun(probe: self).report() }
}
