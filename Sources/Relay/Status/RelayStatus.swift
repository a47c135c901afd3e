import Server

/// The data of the status port: the node, the results of its self-probe, and figures of the
/// process.
package final class RelayStatus {
  package let node: DirectoryNode
  /// `nil` before the self-probe runs.
  package var probe: ProbeResults?
  /// `nil` without TOR_CONTROL.
  package var torControl: TorControlResults?
  /// When the relay started, in seconds since 1970.
  package let startTime = ProcessFigures.wallClock
  /// Dropped log records since the start.
  package var droppedLogRecords: () -> Int = { 0 }
  /// The last observed state and its beginning.
  private var lastState: (health: Health, limits: [String])?
  private var lastChange = ProcessFigures.wallClock
  /// The descriptors that are no connections, counted once on systems that do not tell how many are
  /// open.
  private var otherDescriptors: Int?

  package init(of node: DirectoryNode) { self.node = node }

  /// The names of the limits in force.
  var limitsInForce: [String] { node.limitsInForce.all.map(\.kind.rawValue) }

  /// When health, fullness or the limits in force last changed, in seconds since 1970. Changes are
  /// noticed when this is read, which the history does every ten seconds.
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
