/// The store's socket and its loop: one relay at a time, the others wait in the kernel's queue.
///
/// Safe: the kernel takes paths for the length of a call, and values of a type with its size. A
/// path that does not fit into its address is refused before it is copied.
import Glibc

final class StoreServer {
  private struct Client {
    let socket: Int32
    var conversation = Holder.Conversation.idle
    var deadline: ContinuousClock.Instant
  }

  private let path: String
  private let hold: Duration
  /// A relay that is silent for so long is disconnected, so that the next one has its turn.
  private let clientTimeout: Duration
  private let listener: Int32
  /// Identifies the socket's file: another store may have replaced it.
  private let inode: ino_t
  private let termination: Int32
  private var holder = Holder()
  private var client: Client?
  /// When the held descriptors are closed; nil while nothing is held.
  private var holdUntil: ContinuousClock.Instant?
  private var lastTurn = ContinuousClock.now

  init(at path: String, hold: Duration, clientTimeout: Duration) throws(StoreFault) {
    self.path = path
    self.hold = hold
    self.clientTimeout = clientTimeout
    termination = terminationDescriptor()
    listener = try Self.listen(at: path)
    var status = stat()
    inode = unsafe lstat(path, &status) == 0 ? status.st_ino : 0
  }

  deinit {
    if let client { close(client.socket) }
    close(listener)
    close(termination)
  }

  /// Runs until SIGTERM or SIGINT. Everything is closed then and the socket's file is removed.
  func run() {
    while true {
      var entries = [
        pollfd(fd: termination, events: Int16(POLLIN), revents: 0),
        pollfd(fd: client?.socket ?? listener, events: Int16(POLLIN), revents: 0),
      ]
      let ready = unsafe poll(&entries, nfds_t(entries.count), timeout)
      moveDeadlines()
      if ready > 0, entries[0].revents != 0 { break }
      expire()
      guard ready > 0, entries[1].revents != 0 else { continue }
      if client == nil { acceptClient() } else { serveClient() }
    }
    holder.empty()
    var status = stat()
    if unsafe lstat(path, &status) == 0, status.st_ino == inode { unsafe unlink(path) }
  }

  // MARK: Time

  /// Moves the deadlines by the time since the last call if this process did not run meanwhile
  /// (SIGSTOP, a suspended machine). While there is a deadline, it is called every half second.
  private func moveDeadlines() {
    let (last, now) = (lastTurn, ContinuousClock.now)
    lastTurn = now
    guard now - last > .seconds(1) else { return }
    if let until = holdUntil { holdUntil = until + (now - last) }
    if let deadline = client?.deadline { client?.deadline = deadline + (now - last) }
  }

  /// The milliseconds until the next deadline, at most 500; −1: none.
  private var timeout: Int32 {
    let due = [holdUntil, client?.deadline].compactMap(\.self).min()
    guard let due else { return -1 }
    let left = (due - .now).components
    return Int32(
      min(500, max(0, left.seconds * 1_000 + left.attoseconds / 1_000_000_000_000_000) + 1))
  }

  private func expire() {
    let now = ContinuousClock.now
    if let deadline = client?.deadline, deadline <= now { endClient("silent for too long") }
    if let holdUntil, holdUntil <= now {
      report("nobody came within the hold time: closing \(holder.count) descriptors")
      holder.empty()
      self.holdUntil = nil
      // The relay that was fetching them may still have them; the store closes its own copies.
      switch client?.conversation {
      case .fetching, .confirming: endClient("the hold time is over")
      case .idle, .putting, nil: break
      }
    }
  }

  // MARK: The relay

  private func acceptClient() {
    let socket = accept(listener, nil, nil)
    guard socket >= 0 else { return }
    _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
    guard let user = peerUser(of: socket), user == geteuid() else {
      report("refused a connection of another user")
      close(socket)
      return
    }
    client = Client(socket: socket, deadline: .now + clientTimeout)
  }

  private func serveClient() {
    guard var client else { return }
    switch Packet.receive(from: client.socket) {
    case .nothing: return
    case .ended(let reason): endClient(reason)
    case .packet(let packet, let batch):
      var event: Holder.Event?
      let before = holder.count
      let answer = holder.receive(packet, batch, in: &client.conversation, event: &event)
      client.deadline = .now + clientTimeout
      self.client = client
      switch event {
      case .committed:
        holdUntil = .now + hold
        report("holding \(holder.count) descriptors")
      case .confirmed:
        holdUntil = nil
        report("\(before) descriptors were fetched")
      case nil: break
      }
      switch answer {
      case .send(let bytes, let descriptors):
        if !Packet.send(bytes, descriptors, to: client.socket) { endClient("takes no answer") }
      case .refuse(let reason):
        _ = Packet.send([UInt8(ascii: "E")] + Array(reason.utf8), to: client.socket)
        endClient(reason)
      }
    }
  }

  /// A put that was not committed ends with the conversation.
  private func endClient(_ reason: String) {
    guard let client else { return }
    self.client = nil
    close(client.socket)
    switch client.conversation {
    case .idle: break
    case .fetching where holder.count == 0: break
    case .putting: report("a put was not finished and is discarded: \(reason)")
    case .fetching, .confirming:
      report("a fetch was not confirmed, \(holder.count) descriptors stay: \(reason)")
    }
  }

  // MARK: The socket

  /// Listens at `path` with mode 0600. A file that no process listens on is replaced.
  private static func listen(at path: String) throws(StoreFault) -> Int32 {
    var address = sockaddr_un()
    let bytes = Array(path.utf8)
    guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw StoreFault(
        "--socket: a path of \(bytes.count) bytes; it must have 1 to 107", isSetting: true)
    }
    address.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(AF_UNIX, type, 0)
    guard descriptor >= 0 else { throw fault("socket", path) }
    // EAGAIN: the queue is full, so a process listens.
    if unsafe with(address, { unsafe Glibc.connect(descriptor, $0, $1) }) == 0 || errno == EAGAIN {
      throw StoreFault("\(path): another store listens there")
    }
    var status = stat()
    if unsafe lstat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFSOCK else {
        throw StoreFault("\(path): is there and is no socket", isSetting: true)
      }
      unsafe unlink(path)
    }
    guard unsafe with(address, { unsafe Glibc.bind(descriptor, $0, $1) }) == 0,
      unsafe chmod(path, 0o600) == 0,
      Glibc.listen(descriptor, 8) == 0
    else { throw fault("bind", path) }
    return descriptor
  }

  private static func with(
    _ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    unsafe withUnsafePointer(to: address) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func fault(_ call: String, _ path: String) -> StoreFault {
    StoreFault(unsafe "\(path): \(call): \(String(cString: strerror(errno)))")
  }
}
