import EventLoop
import Wire

/// Connects to a directory as a peer does, and reports each step with its time.
struct DirectoryProbe {
  struct Target: Equatable {
    let host: String
    let port: UInt16

    var description: String { "\(host):\(port)" }
  }

  enum Route: Equatable {
    /// Through Tor's SOCKS port.
    case socks(SocketAddress)
    /// Straight to this address, where the directory listens.
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
  /// Whether it can prove its nick, as current clients can.
  var provesNick = true
  /// For each step.
  var timeout: Duration = .seconds(60)
  /// The wire does not mark the end of a peerlist: this time without a frame counts as its end.
  var listQuiet: Duration = .seconds(2)

  /// Returns after at most the timeouts of all steps; the report names the step that failed.
  func run() -> ProbeReport { ProbeRun(probe: self).report() }
}
