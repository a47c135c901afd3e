import Glibc

/// The descriptor store of a service manager behind a notify socket, as systemd 252 has it: it
/// takes `FDSTORE=1` with the descriptors of one message under `FDNAME`, refuses silently what is
/// over `FileDescriptorStoreMax`, forgets a name at `FDSTOREREMOVE=1`, and closes the pipe of
/// `BARRIER=1` when it has handled everything before it. What it holds is handed to every start.
package final class ManagerStore {
  package let socket: NotifySocket
  /// `FileDescriptorStoreMax`.
  package var limit = 20_000
  /// The first was stored last, as systemd's list has it.
  package private(set) var held: [(name: String, descriptor: Int32)] = []
  /// The states that were told: `READY=1` and the like.
  package var states: [String] = []
  /// Whether every message with descriptors has said `FDPOLL=0`.
  package private(set) var isNeverPolled = true
  /// Messages with this text are left in the queue from then on, unanswered.
  package var isDeafAfter: String?
  private var isDeaf = false

  package init?(at path: String) {
    guard let socket = NotifySocket(at: path) else { return nil }
    self.socket = socket
  }

  deinit { empty() }

  /// What `systemctl stop` does.
  package func empty() {
    for (_, descriptor) in held { close(descriptor) }
    held = []
  }

  package func forget(_ name: String) {
    for (_, descriptor) in held.filter({ $0.name == name }) { close(descriptor) }
    held.removeAll { $0.name == name }
  }

  /// Handles what has come.
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
