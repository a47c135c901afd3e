import EventLoop
import Settings

/// The node's data of one listener. Circuit ids belong to a listener, because each Tor numbers its
/// own circuits.
package struct NodeListener {
  package let name: String
  /// Whether each connection begins with a PROXY line, which Tor's HiddenServiceExportCircuitID
  /// sends.
  package let hasProxyLine: Bool
  package var connectionsOpened = 0
}

extension DirectoryNode {
  /// Adds a listener that hands its connections to `accept(_:from:)` with its position.
  package func add(_ listener: Listener, name: String = "tcp", hasProxyLine: Bool = false) {
    acceptGate.add(listener)
    listener.mayAccept = { [unowned self] in mayAccept }
    listenerStates.append(NodeListener(name: name, hasProxyLine: hasProxyLine))
  }

  /// Whether connections of the listener at this position begin with a PROXY line.
  package func hasProxyLine(_ listener: Int) -> Bool {
    listener < listenerStates.count
      ? listenerStates[listener].hasProxyLine : settings.proxyProtocol
  }

  /// Returns the number of connections of each listener, without lingering ones.
  package var connectionsByListener: [Int] {
    var counts = [Int](repeating: 0, count: listenerStates.count)
    for session in sessions.all where Int(session.listener) < counts.count {
      counts[Int(session.listener)] += 1
    }
    return counts
  }

  package func listenerName(of session: Session) -> String {
    let index = Int(session.listener)
    return index < listenerStates.count ? listenerStates[index].name : ""
  }
}
