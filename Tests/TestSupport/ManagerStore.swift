import Glibc

/// A service manager's descriptor store behind a notify socket, as in systemd 252. It stores the
/// descriptors of an `FDSTORE=1` message under their `FDNAME` and silently refuses those over
/// `FileDescriptorStoreMax`. It removes a name at `FDSTOREREMOVE=1`, and closes the pipe of
/// `BARRIER=1` when it has handled all earlier messages. Every start gets the stored descriptors.
package final class ManagerStore {
  package let socket: NotifySocket
  /// `FileDescriptorStoreMax`.
  package var limit = 20_000
  /// The newest descriptor is first, as in systemd's list.
  package private(set) var held: [(name: String, descriptor: Int32)] = []
  /// The received states, for example `READY=1`.
  package var states: [String] = []
  /// Whether every message with descriptors had `FDPOLL=0`.
  package private(set) var isNeverPolled = true
  /// It stops reading messages after the first one with this text.
  package var isDeafAfter: String?
  private var isDeaf = false

  package init?(at path: String) {
    guard let socket = NotifySocket(at: path) else { return nil }
    self.socket = socket
  }

  deinit { empty() }

  /// Closes all stored descriptors, as `systemctl stop` does.
  package func empty() {
    for (_, descriptor) in held { close(descriptor) }
    held = []
  }

  package func forget(_ name: String) {
    for (_, descriptor) in held.filter({ $0.name == name }) { close(descriptor) }
    held.removeAll { $0.name == name }
  }

  /// Handles all messages that have arrived.
  package func handleMessages() {
    while !isDeaf, let (text, descriptors) = socket.receiveWithDescriptors(within: 0) {
      handle(text.split(separator: "\n"), descriptors)
      if let isDeafAfter, text.contains(isDeafAfter) { isDeaf = true }
    }
  }

  private func handle(_ lines: [Substring], _ descriptors: [Int32]) {
    let name = lines.first { $0.hasPrefix("FDNAME=") }.map { String($0.dropFirst(7)) } ?? "stored"
    if lines.contains("FDSTORE=1") {
      if !lines.contains("FDPOLL=0") { isNeverPolled = false }
      for descriptor in descriptors {
        if held.count < limit {
          held.insert((name, descriptor), at: 0)
        } else {
          close(descriptor)
        }
      }
      return
    }
    if lines.contains("FDSTOREREMOVE=1") { forget(name) }
    // The end of a barrier's pipe.
    for descriptor in descriptors { close(descriptor) }
    if let state = lines.first, !state.hasPrefix("WATCHDOG"), !state.hasPrefix("BARRIER"),
      !state.hasPrefix("FDSTOREREMOVE")
    {
      states.append(String(state))
    }
  }
}
