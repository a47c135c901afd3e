import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// systemd's descriptor store: `FDSTORE=1` stores, `LISTEN_FDS` returns (sd_pid_notify_with_fds(3),
/// `FileDescriptorStoreMax=`).
///
/// systemd passes its store at every start, also after a crash. So `fetch` makes systemd forget it
/// at once: an image that crashed one relay does not reach a second one.
package final class SystemdStore: DescriptorStore {
  private let notifySocket: String
  private var inherited: [StoredDescriptor]

  /// - Parameter inherited: the descriptors from systemd with our names.
  package init(notifySocket: String, inherited: [StoredDescriptor]) {
    self.notifySocket = notifySocket
    self.inherited = inherited
  }

  package func put(_ descriptors: [LentDescriptor]) throws(StoreFault) {
    // The image is stored last: without it the rest is not used.
    let image = descriptors.filter { $0.kind == .image }
    var time = StoreTime()
    do throws(StoreFault) {
      for kind in [StoredKind.peer, .listener, .status] {
        var rest = descriptors.filter { $0.kind == kind }[...]
        while !rest.isEmpty {
          let batch = rest.prefix(DescriptorMessages.most)
          rest = rest.dropFirst(batch.count)
          guard !time.isOver else {
            throw StoreFault("systemd takes longer than \(Self.timeout.seconds) s")
          }
          let began = Clock.monotonic
          defer { time.add(since: began) }
          // FDPOLL=0 (systemd 246): the next relay sees a peer that leaves meanwhile. An older
          // systemd drops it.
          try notify("FDSTORE=1\nFDNAME=\(kind.name)\nFDPOLL=0", batch.map(\.number))
          try wait()
        }
      }
      try notify("FDSTORE=1\nFDNAME=i\nFDPOLL=0", image.map(\.number))
    } catch {
      // systemd's copies would keep connections open that are closed here.
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
        for stored in inherited { stored.end() }
        throw error
      }
    }
    return inherited
  }

  package func confirm() throws(StoreFault) {}

  private func forget() throws(StoreFault) {
    for kind in StoredKind.allCases {
      try notify("FDSTOREREMOVE=1\nFDNAME=\(kind.name)", [])
    }
    try wait()
  }

  private func notify(_ text: String, _ descriptors: [Int32]) throws(StoreFault) {
    guard send(text, descriptors) else {
      throw StoreFault("systemd does not take descriptors: \(Errno(errno))")
    }
  }

  /// Waits until systemd has processed all earlier messages: it closes the other end of the pipe
  /// then (sd_notify_barrier(3), v246).
  private func wait() throws(StoreFault) {
    guard let pipe = Descriptor.pipe() else { throw StoreFault("no pipe: \(Errno(errno))") }
    let isSent = sendBarrier(pipe.writing)
    let reading = pipe.reading
    guard isSent else { throw StoreFault("systemd does not take a message") }
    let milliseconds = Int32(Self.answerTimeout.nanoseconds / 1_000_000)
    var isOver = reading.wait(for: .hangUp, milliseconds: milliseconds)
    while isOver == nil { isOver = reading.wait(for: .hangUp, milliseconds: milliseconds) }
    guard isOver == true else {
      throw StoreFault("systemd has not answered within \(Self.answerTimeout.seconds) s")
    }
  }

  /// Sends `end` and closes it, so that systemd has the only copy.
  private func sendBarrier(_ end: consuming Descriptor) -> Bool {
    send("BARRIER=1", [end.number])
  }

  /// Sends one datagram; waits for room.
  private func send(_ text: String, _ descriptors: [Int32]) -> Bool {
    guard
      let socket = Descriptor.messageSocket(isConnected: false, timeout: Self.answerTimeout)
    else { return false }
    return DescriptorMessages.send(Array(text.utf8), descriptors, on: socket, to: notifySocket)
  }
}
