import EventLoop
import Logging
import Units
import Wire

/// Connections that begin otherwise than their listener's PROXY setting says: the relay and tor are
/// not of one mind, and nobody gets in.
package struct ProxyMismatches {
  package enum Kind: String, CaseIterable {
    /// PROXY_PROTOCOL is on, and there is no PROXY line.
    case missing
    /// PROXY_PROTOCOL is off, and there is one.
    case unexpected
  }

  /// Between two warnings of one kind.
  static let warningInterval = Duration.seconds(600)

  private var counts: [Kind: Int] = [:]
  private var lastWarnings: [Kind: Instant] = [:]

  package subscript(kind: Kind) -> Int { counts[kind] ?? 0 }

  /// - Returns: whether it is time for a warning.
  mutating func count(_ kind: Kind, at now: Instant) -> Bool {
    counts[kind, default: 0] += 1
    if let last = lastWarnings[kind], now < last + Self.warningInterval { return false }
    lastWarnings[kind] = now
    return true
  }
}

extension DirectoryNode {
  /// Counts a first line that is not what PROXY_PROTOCOL says, and warns now and then.
  func noteProxyMismatch(in line: ByteView, of session: Session) {
    let isThere = line.hasPrefix("PROXY ")
    // A malformed one is neither.
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
