import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads short files in one call.
///
/// Safe: read(2) writes `limit` bytes at most, which is the room, and says how many.
package enum SmallFile {
  /// Reads the beginning of a file, at most `limit` bytes of it, without waiting for a writer.
  package static func read(_ path: String, limit: Int) -> Result<[UInt8], Errno> {
    guard let file = unsafe Descriptor(result: open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) else {
      return .failure(Errno(errno))
    }
    var code: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { room, count in
      let some = unsafe systemRead(file.number, room.baseAddress, limit)
      if some < 0 { code = errno }
      count = max(0, some)
    }
    return code == 0 ? .success(bytes) : .failure(Errno(code))
  }
}

/// read(2) under another name, because `SmallFile.read` hides it.
private func systemRead(_ file: Int32, _ room: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  unsafe read(file, room, count)
}
