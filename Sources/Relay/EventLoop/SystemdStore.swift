import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// systemd's own store: `FDSTORE=1` in, `LISTEN_FDS` out (sd_pid_notify_with_fds(3),
/// `FileDescriptorStoreMax=`).
///
/// What systemd holds comes back at every start, after a crash too. So `fetch` has it forgotten at
/// once: an image that made one relay crash never meets a second one.
package final class SystemdStore: DescriptorStore {
  private let notifySocket: String
  private var inherited: [StoredDescriptor]

  /// - Parameter inherited: what systemd has passed on with names of ours.
  package init(notifySocket: String, inherited: [StoredDescriptor]) {
    self.notifySocket = notifySocket
    self.inherited = inherited
  }

  package func put(_ descriptors: [StoredDescriptor]) throws(StoreFault) {
    // The image goes last: without it the rest means nothing.
    let image = descriptors.filter { $0.kind == .image }
    let deadline = Clock.monotonic + Self.timeout
    do throws(StoreFault) {
      for kind in [StoredDescriptor.Kind.peer, .listener, .status] {
        var rest = descriptors.filter { $0.kind == kind }[...]
        while !rest.isEmpty {
          let batch = rest.prefix(DescriptorMessages.most)
          rest = rest.dropFirst(batch.count)
          guard Clock.monotonic < deadline else {
            throw StoreFault("systemd takes longer than \(Self.timeout.seconds) s")
          }
          // FDPOLL=0 (systemd 246): a peer that leaves meanwhile is seen by the next relay. An
          // older one drops it.
          try notify("FDSTORE=1\nFDNAME=\(kind.name)\nFDPOLL=0", batch.map(\.descriptor))
          try wait()
        }
      }
      try notify("FDSTORE=1\nFDNAME=i\nFDPOLL=0", image.map(\.descriptor))
    } catch {
      // Its copies would keep connections open that are closed here.
      try? forget()
      throw error
    }
    do throws(StoreFault) { try wait() } catch {
      throw StoreFault("\(error)", isUncertain: true)
    }
  }

  package func fetch() throws(StoreFault) -> [StoredDescriptor] {
    defer { inherited = [] }
    if !inherited.isEmpty {
      do throws(StoreFault) { try forget() } catch {
        StoredDescriptor.end(inherited)
        throw error
      }
    }
    return inherited
  }

  package func confirm() throws(StoreFault) {}

  private func forget() throws(StoreFault) {
    for kind in StoredDescriptor.Kind.allCases {
      try notify("FDSTOREREMOVE=1\nFDNAME=\(kind.name)", [])
    }
    try wait()
  }

  private func notify(_ text: String, _ descriptors: [Int32]) throws(StoreFault) {
    guard SystemCalls.sendDatagram(Array(text.utf8), descriptors, to: notifySocket) else {
      throw StoreFault("systemd does not take descriptors: \(String(cString: strerror(errno)))")
    }
  }

  /// Waits until systemd has worked off what was sent before: it closes the other end of the pipe
  /// (sd_notify_barrier(3), v246).
  private func wait() throws(StoreFault) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw StoreFault("no pipe: \(String(cString: strerror(errno)))") }
    defer { evutil_closesocket(ends[0]) }
    let isSent = SystemCalls.sendDatagram(Array("BARRIER=1".utf8), [ends[1]], to: notifySocket)
    evutil_closesocket(ends[1])
    guard isSent else { throw StoreFault("systemd does not take a message") }
    var entry = pollfd(fd: ends[0], events: 0, revents: 0)
    let milliseconds = Int32(Self.answerTimeout.nanoseconds / 1_000_000)
    var count = poll(&entry, 1, milliseconds)
    while count < 0, errno == EINTR { count = poll(&entry, 1, milliseconds) }
    guard count == 1 else {
      throw StoreFault("systemd has not answered within \(Self.answerTimeout.seconds) s")
    }
  }
}

extension SystemCalls {
  /// One datagram with descriptors to a Unix socket, whose name may begin with `@`. Waits for room.
  static func sendDatagram(_ bytes: [UInt8], _ descriptors: [Int32], to path: String) -> Bool {
    #if os(Linux)
      let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard socket >= 0 else { return false }
      defer { evutil_closesocket(socket) }
      DescriptorMessages.setTimeout(SystemdStore.answerTimeout, of: socket)
      return DescriptorMessages.send(bytes, descriptors, on: socket, to: path)
    #else
      return false
    #endif
  }
}
