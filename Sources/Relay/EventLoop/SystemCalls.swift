/// The system calls on sockets that libevent does not make for us, each in one place: EINTR is
/// retried, EAGAIN is an outcome.
import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

package enum SystemCalls {
  /// Sends a last word to a connection that was just accepted, and closes it. What has come is read
  /// first: a close with unread bytes is a reset, which may overtake the word.
  package static func sendAndClose(_ descriptor: Int32, _ bytes: [UInt8]) {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
      _ = recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))
    }
    bytes.withUnsafeBytes { _ = send(descriptor, $0) }
    shutdown(descriptor, Int32(SHUT_WR))
    evutil_closesocket(descriptor)
  }

  /// `send(2)` without a signal and without waiting.
  package static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
    while true {
      #if os(Linux)
        let count = Glibc.send(
          descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      #else
        let count = Darwin.send(descriptor, bytes.baseAddress, bytes.count, MSG_DONTWAIT)
      #endif
      if count >= 0 { return .accepted(left: bytes.count - count) }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK, ENOBUFS: return .accepted(left: bytes.count)
      case let code: return .failed(errno: code)
      }
    }
  }

  /// `writev(2)` on a socket that does not wait.
  package static func send(_ descriptor: Int32, _ pieces: UnsafeBufferPointer<iovec>) -> SendOutcome
  {
    let length = pieces.reduce(0) { $0 + $1.iov_len }
    while true {
      let count = writev(descriptor, pieces.baseAddress, Int32(pieces.count))
      if count >= 0 { return .accepted(left: length - count) }
      switch errno {
      case EINTR: continue
      case EAGAIN, EWOULDBLOCK, ENOBUFS: return .accepted(left: length)
      case let code: return .failed(errno: code)
      }
    }
  }

  /// The most pieces that one `writev` takes (IOV_MAX).
  static let mostPieces = 1024

  /// `accept4(2)`: close-on-exec and non-blocking from the start.
  package static func accept(_ descriptor: Int32) -> Int32 {
    #if os(Linux)
      accept4(
        descriptor, nil, nil, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
    #else
      makeNonBlocking(Darwin.accept(descriptor, nil, nil))
    #endif
  }

  /// A stream socket that neither waits nor is inherited.
  package static func socket(family: Int32) -> Int32 {
    #if os(Linux)
      Glibc.socket(
        family,
        Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    #else
      makeNonBlocking(Darwin.socket(family, SOCK_STREAM, 0))
    #endif
  }

  #if !os(Linux)
    private static func makeNonBlocking(_ descriptor: Int32) -> Int32 {
      guard descriptor >= 0 else { return descriptor }
      _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      return descriptor
    }
  #endif

  package static func closeOnExec(_ descriptor: Int32) {
    evutil_make_socket_closeonexec(descriptor)
  }

  static func setOption(_ descriptor: Int32, level: Int32, _ option: Int32) {
    var on: Int32 = 1
    setsockopt(descriptor, level, option, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Bytes that the kernel holds for the other side of a socket: sent, and not taken yet.
  package static func unsentBytes(of descriptor: Int32) -> Int {
    var count: Int32 = 0
    #if os(Linux)
      // SIOCOUTQ
      guard ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 else { return 0 }
    #else
      var size = socklen_t(MemoryLayout<Int32>.size)
      guard getsockopt(descriptor, SOL_SOCKET, SO_NWRITE, &count, &size) == 0 else { return 0 }
    #endif
    return Int(count)
  }

  /// One datagram to a Unix socket; `@` begins a name in the abstract space. Whether it arrives is
  /// not asked.
  package static func sendDatagram(_ bytes: [UInt8], to path: String) {
    #if os(Linux)
      let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
      let descriptor = Glibc.socket(AF_UNIX, kind, 0)
    #else
      let descriptor = Darwin.socket(AF_UNIX, SOCK_DGRAM, 0)
    #endif
    guard descriptor >= 0 else { return }
    defer { evutil_closesocket(descriptor) }
    var address = sockaddr_un()
    var name = Array(path.utf8)
    guard name.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
    if name.first == UInt8(ascii: "@") { name[0] = 0 }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = sendto(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT), $0, length)
      }
    }
  }

  // MARK: The process

  /// Forbids core files, and reads of this process's memory by others of the same user: it holds
  /// which peers talk to each other.
  package static func forbidDumps() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if os(Linux)
      setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
      _ = shim_set_dumpable(0)
    #else
      setrlimit(RLIMIT_CORE, &none)
    #endif
  }

  /// Gives back the pages of code that only the start needed: reading settings, texts and arguments
  /// touches more of the executable than serving does. What is needed again comes back from the
  /// page cache. Code is never written to, so nothing is lost.
  package static func releaseCodePages() {
    #if os(Linux)
      guard let maps = fopen("/proc/self/maps", "re") else { return }
      defer { fclose(maps) }
      var line = [CChar](repeating: 0, count: 512)
      while fgets(&line, Int32(line.count), maps) != nil {
        let text = String(
          decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // start-end permissions offset device inode path
        let words = text.split(separator: " ")
        guard words.count >= 6, words[1] == "r-xp", words[4] != "0" else { continue }
        let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, let start = UnsafeMutableRawPointer(bitPattern: ends[0]) else {
          continue
        }
        madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED)
      }
    #endif
  }

  /// The processor time that this process has used.
  package static var processorTime: Duration {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Gives memory that was freed back to the system. Wraps `malloc_trim`; about a millisecond for
  /// some megabytes.
  package static func releaseFreeMemory() {
    #if os(Linux)
      malloc_trim(0)
    #endif
  }

  /// Raises the limit of open descriptors to what the system allows at most, and says what that is.
  package static func raiseDescriptorLimit() -> Int {
    #if os(Linux)
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let files = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(files, &limit) == 0 else { return 0 }
    if limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = limit.rlim_max
      setrlimit(files, &limit)
      getrlimit(files, &limit)
    }
    return Int(clamping: limit.rlim_cur)
  }
}
