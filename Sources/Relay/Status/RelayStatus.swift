import Server

/// A running node as the status port shows it: the node, what its self-probe has found, and figures
/// of the process.
package final class RelayStatus {
  package let node: DirectoryNode
  /// `nil` until the self-probe runs.
  package var probe: ProbeResults?
  /// `nil` without TOR_CONTROL.
  package var torControl: TorControlResults?
  /// When the relay started, in seconds since 1970.
  package let startTime = ProcessFigures.wallClock
  /// Log records that standard error has not taken, since the start.
  package var droppedLogRecords: () -> Int = { 0 }
  /// What the state was when it was last looked at, and since when it is that.
  private var lastState: (health: Health, limits: [String])?
  private var lastChange = ProcessFigures.wallClock
  /// Descriptors that are no connections, counted once where the system does not tell how many are
  /// open.
  private var otherDescriptors: Int?

  package init(of node: DirectoryNode) { self.node = node }

  /// The names of the limits that refuse or delay something now.
  var limitsInForce: [String] { node.limitsInForce.all.map(\.kind.rawValue) }

  /// When health, fullness or the limits in force last changed, in seconds since 1970. A change is
  /// seen when this is asked, which the history does every ten seconds.
  var stateSince: Double {
    let state = (health: health, limits: limitsInForce)
    if let lastState, lastState == state { return lastChange }
    if lastState != nil { lastChange = ProcessFigures.wallClock }
    lastState = state
    return lastChange
  }

  /// Before Linux 6.2 those that are no connections are counted once.
  var openDescriptors: Int {
    if let count = ProcessFigures.openDescriptors { return count }
    let others = otherDescriptors ?? ProcessFigures.countDescriptors() - node.connectionCount
    otherDescriptors = others
    return others + node.connectionCount
  }
}
