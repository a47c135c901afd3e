import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file of a listening Unix socket: made beside its place and renamed into it, so that a client
/// finds the old listener or the new one and never nothing; removed at the end only if it is still
/// ours.
struct SocketFile {
  /// Ends the name under which a file is made.
  static let temporarySuffix = ".new"

  private let path: String
  let device: dev_t
  let inode: ino_t

  private init(path: String, device: dev_t, inode: ino_t) {
    self.path = path
    self.device = device
    self.inode = inode
  }

  /// A file that another process has made at `path`, if it is still there; its permissions become
  /// `mode`.
  init?(at path: String, device: dev_t, inode: ino_t, mode: mode_t) {
    self.init(path: path, device: device, inode: inode)
    guard isOurs, chmod(path, mode) == 0 else { return nil }
  }

  /// Binds and listens at `path` with permissions `mode`.
  /// - Throws: `inUse` when a process listens there, `system` when the place is not a socket, not
  ///   writable or not there.
  package static func listen(at path: String, mode: mode_t) throws(SocketError) -> (
    Int32, SocketFile
  ) {
    let place = SocketAddress.unix(path: path)
    guard path.utf8.count <= SocketError.longestPath else { throw .pathLength(path) }
    guard try !isListenedOn(place) else { throw .inUse(place) }
    if let status = status(of: path), status.st_mode & S_IFMT != S_IFSOCK {
      throw .system(call: "replace", code: ENOTSOCK, address: place)
    }
    let fresh = SocketAddress.unix(path: path + temporarySuffix)
    let descriptor = SystemCalls.socket(family: AF_UNIX)
    guard descriptor >= 0 else { throw .system(call: "socket", code: errno, address: place) }
    unlink(path + temporarySuffix)
    let bound = try fresh.withSockaddr { (address, length) throws(SocketError) -> Int32 in
      bind(descriptor, address, length)
    }
    // Listens before the rename: a client that finds the file can connect.
    guard bound == 0, chmod(path + temporarySuffix, mode) == 0, Listener.listen(descriptor) == 0,
      let made = status(of: path + temporarySuffix), rename(path + temporarySuffix, path) == 0
    else {
      let code = errno
      Listener.closeDescriptor(descriptor)
      if bound == 0 { unlink(path + temporarySuffix) }
      throw .system(call: "bind", code: code, address: place)
    }
    return (descriptor, SocketFile(path: path, device: made.st_dev, inode: made.st_ino))
  }

  /// Removes the file unless another process has put its own there meanwhile.
  package func remove() {
    if isOurs { unlink(path) }
  }

  private var isOurs: Bool {
    guard let now = Self.status(of: path) else { return false }
    return now.st_dev == device && now.st_ino == inode
  }

  private static func isListenedOn(_ place: SocketAddress) throws(SocketError) -> Bool {
    let probe = SystemCalls.socket(family: AF_UNIX)
    guard probe >= 0 else { throw .system(call: "socket", code: errno, address: place) }
    defer { Listener.closeDescriptor(probe) }
    return try place.withSockaddr { (address, length) throws(SocketError) -> Bool in
      // EAGAIN: its queue is full, so somebody listens.
      connect(probe, address, length) == 0 || errno == EAGAIN || errno == EACCES && isSocket(place)
    }
  }

  private static func isSocket(_ place: SocketAddress) -> Bool {
    guard case .unix(let path) = place, let status = status(of: path) else { return false }
    return status.st_mode & S_IFMT == S_IFSOCK
  }

  private static func status(of path: String) -> stat? {
    var status = stat()
    return lstat(path, &status) == 0 ? status : nil
  }
}
