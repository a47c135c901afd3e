import Units

/// The directory's id of a connection: its slot in the registry and the slot's generation.
package struct PeerKey: Equatable, ImageRecord {
  package var slot: Int32
  package var generation: UInt32

  package init(slot: Int32, generation: UInt32) {
    self.slot = slot
    self.generation = generation
  }

  package static let layout = Layout(PeerKey.init(slot:generation:)) { ($0.slot, $0.generation) }
}

/// A listening socket.
package struct ListenerImage: Equatable, ImageRecord {
  package enum Purpose: UInt8, CaseIterable, ImageField {
    case peers = 0
    case status = 1
  }

  package var purpose: Purpose
  /// SO_COOKIE of its socket.
  package var cookie: UInt64
  /// The address as in the settings. The next relay compares it with its own settings.
  package var configured: [UInt8]
  /// Device and inode of the Unix socket's file, by which the next relay knows it; 0 for TCP.
  package var fileDevice: UInt64
  package var fileInode: UInt64

  package init(
    purpose: Purpose, cookie: UInt64, configured: [UInt8], fileDevice: UInt64, fileInode: UInt64
  ) {
    self.purpose = purpose
    self.cookie = cookie
    self.configured = configured
    self.fileDevice = fileDevice
    self.fileInode = fileInode
  }

  package static let layout = Layout(
    ListenerImage.init(purpose:cookie:configured:fileDevice:fileInode:)
  ) { ($0.purpose, $0.cookie, $0.configured, $0.fileDevice, $0.fileInode) }
}

/// The buffered bytes of a connection.
package struct SocketImage: Equatable, ImageRecord {
  /// SO_COOKIE: unique for one boot of the machine.
  package var cookie: UInt64
  /// Received and not processed: the beginning of a line, or lines of a held peer.
  package var input: [UInt8]
  /// Not yet taken by the kernel.
  package var output: [UInt8]

  package init(cookie: UInt64, input: [UInt8], output: [UInt8]) {
    self.cookie = cookie
    self.input = input
    self.output = output
  }

  package static let layout = Layout(SocketImage.init(cookie:input:output:)) {
    ($0.cookie, $0.input, $0.output)
  }
}

package struct LingeringImage: Equatable, ImageRecord {
  package var socket: SocketImage
  package var deadline: Instant

  package init(socket: SocketImage, deadline: Instant) {
    self.socket = socket
    self.deadline = deadline
  }

  package static let layout = Layout(LingeringImage.init(socket:deadline:)) {
    ($0.socket, $0.deadline)
  }
}
