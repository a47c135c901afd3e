import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file of a listening Unix socket. It is created under a temporary name and renamed, so that a
/// client always finds the old listener or the new one. It is removed at the end only if it is
/// still ours.
///
/// Safe: the system takes paths for the length of a call and fills in a value of its type.
struct SocketFile {
  /// The suffix of the temporary name.
  static let temporarySuffix = ".new"

  private let path: String
  let device: UInt64
  let inode: UInt64

  /// A file that another process has made at `path`, if it is still there.
  /// - Parameter mode: its new permissions.
  init?(at path: String, device: UInt64, inode: UInt64, mode: UInt32) {
    self.path = path
    self.device = device
    self.inode = inode
    guard isOurs, unsafe chmod(path, mode_t(mode)) == 0 else { return nil }
  }

  /// Binds `socket` to `path` and listens.
  /// - Parameter mode: permissions of the file.
  /// - Throws: `inUse` when a process listens there, `system` when the path is not a socket, not
  ///   writable or missing.
  init(
    listening socket: borrowing Descriptor, at path: String, mode: UInt32
  ) throws(SocketError) {
    let place = SocketAddress.unix(path: path)
    guard path.utf8.count <= SocketError.longestPath else { throw .pathLength(path) }
    guard try !Self.isListenedOn(place) else { throw .inUse(place) }
    if let status = Self.status(of: path), status.st_mode & S_IFMT != S_IFSOCK {
      throw .system(call: "replace", code: ENOTSOCK, address: place)
    }
    let fresh = path + Self.temporarySuffix
    let freshPlace = try KernelAddress(.unix(path: fresh))
    unsafe unlink(fresh)
    if let code = socket.bind(to: freshPlace) {
      throw .system(call: "bind", code: code, address: place)
    }
    // Listens before the rename: a client that finds the file can connect.
    guard unsafe chmod(fresh, mode_t(mode)) == 0, socket.listen() == nil,
      let made = Self.status(of: fresh), unsafe rename(fresh, path) == 0
    else {
      let code = errno
      unsafe unlink(fresh)
      throw .system(call: "bind", code: code, address: place)
    }
    self.path = path
    device = UInt64(truncatingIfNeeded: made.st_dev)
    inode = UInt64(truncatingIfNeeded: made.st_ino)
  }

  /// Removes the file unless another process has replaced it.
  package func remove() {
    if isOurs { unsafe unlink(path) }
  }

  private var isOurs: Bool {
    guard let now = Self.status(of: path) else { return false }
    return UInt64(truncatingIfNeeded: now.st_dev) == device
      && UInt64(truncatingIfNeeded: now.st_ino) == inode
  }

  private static func isListenedOn(_ place: SocketAddress) throws(SocketError) -> Bool {
    let address = try KernelAddress(place)
    let probe = try Descriptor.streamSocket(for: address, at: place)
    return switch probe.connect(to: address) {
    // EAGAIN: the queue is full, so a process listens.
    case nil, EAGAIN: true
    case EACCES: isSocket(place)
    default: false
    }
  }

  private static func isSocket(_ place: SocketAddress) -> Bool {
    guard case .unix(let path) = place, let status = status(of: path) else { return false }
    return status.st_mode & S_IFMT == S_IFSOCK
  }

  private static func status(of path: String) -> stat? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? status : nil
  }
}
