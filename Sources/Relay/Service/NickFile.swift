import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// `DATA_DIR/state/directory.nick` tells other tools the relay's nick. It exists while the relay
/// runs. The relay stores nothing else on disk.
///
/// Safe: the system takes paths and text for the length of a call.
struct NickFile {
  private let path: String

  /// Writes the file whole or not at all. Makes the folder `state` if it is missing; `DATA_DIR`
  /// must exist.
  package init(in directory: String, nick: Nick) throws(StartFault) {
    let state = directory + "/state"
    if unsafe mkdir(state, 0o700) != 0, errno != EEXIST {
      throw .file(setting: "DATA_DIR", path: state, errno: errno)
    }
    path = state + "/directory.nick"
    let fresh = path + ".new"
    let file = unsafe open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw .file(setting: "DATA_DIR", path: fresh, errno: errno) }
    let text = Array("\(nick)\n".utf8)
    let written = unsafe write(file, text, text.count)
    let code = errno
    close(file)
    guard written == text.count, unsafe rename(fresh, path) == 0 else {
      throw .file(setting: "DATA_DIR", path: path, errno: written == text.count ? errno : code)
    }
  }

  package func remove() { unsafe unlink(path) }
}
