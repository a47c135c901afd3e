import Server

/// A running node as the status port shows it: the node, what its self-probe has found, and figures of the process.
package final class RelayStatus {
  package let node: DirectoryNode
  /// `nil` until the self-probe runs.
  package var probe: ProbeResults?
  /// When the relay started, in seconds since 1970.
  package let startTime = ProcessFigures.wallClock
  /// Log records that standard error has not taken, since the start.
  package var droppedLogRecords: () -> Int = { 0 }
  /// Descriptors that are no connections, counted once where the system does not tell how many are open.
  private var otherDescriptors: Int?

  package init(of node: DirectoryNode) { self.node = node }

  /// Before Linux 6.2 those that are no connections are counted once.
  var openDescriptors: Int {
    if let count = ProcessFigures.openDescriptors { return count }
    let others = otherDescriptors ?? ProcessFigures.countDescriptors() - node.connectionCount
    otherDescriptors = others
    return others + node.connectionCount
  }
}
