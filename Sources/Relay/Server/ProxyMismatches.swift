import EventLoop
import Logging
import Units
import Wire

/// Counts connections whose first line contradicts their listener's PROXY setting. The settings of
/// the relay and Tor differ then, and no peer can connect.
package struct ProxyMismatches {
  package enum Kind: String, CaseIterable {
    /// PROXY_PROTOCOL is on and the PROXY line is missing.
    case missing
    /// PROXY_PROTOCOL is off and there is a PROXY line.
    case unexpected
  }

  /// The shortest time between two warnings of one kind.
  static let warningInterval = Duration.seconds(600)

  private var counts: [Kind: Int] = [:]
  private var lastWarnings: [Kind: Instant] = [:]

  package subscript(kind: Kind) -> Int { counts[kind] ?? 0 }

  /// - Returns: whether a warning is due.
  mutating func count(_ kind: Kind, at now: Instant) -> Bool {
    counts[kind, default: 0] += 1
    if let last = lastWarnings[kind], now < last + Self.warningInterval { return false }
    lastWarnings[kind] = now
    return true
  }
}

extension DirectoryNode {
  /// Counts a first line that contradicts PROXY_PROTOCOL, and logs a rate-limited warning.
  func noteProxyMismatch(in line: ByteView, of session: Session) {
    let isThere = line.hasPrefix("PROXY ")
    // A malformed PROXY line is neither.
    guard isThere != hasProxyLine(Int(session.listener)) else { return }
    guard proxyMismatches.count(isThere ? .unexpected : .missing, at: loop.now) else { return }
    if isThere {
      log.warning(
        """
        PROXY_PROTOCOL is false, but a connection begins with a PROXY line: set \
        PROXY_PROTOCOL=true, or remove HiddenServiceExportCircuitID from torrc
        """,
        metadata: ["listener": "\(listenerName(of: session))"])
    } else {
      log.warning(
        """
        PROXY_PROTOCOL is true, but a connection begins without a PROXY line: set \
        HiddenServiceExportCircuitID haproxy in torrc, or PROXY_PROTOCOL=false
        """,
        metadata: ["listener": "\(listenerName(of: session))"])
    }
  }
}
