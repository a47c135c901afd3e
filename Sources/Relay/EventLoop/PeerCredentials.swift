#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension SystemCalls {
  /// Returns the system's words for an errno.
  package static func text(of code: Int32) -> String { String(cString: strerror(code)) }

  /// Returns who connected to a Unix socket, as the kernel noted it then; `nil` for another socket.
  package static func peerUser(of descriptor: Int32) -> uid_t? {
    #if os(Linux)
      // struct ucred, which Glibc declares for _GNU_SOURCE only.
      var credentials = (process: pid_t(0), user: uid_t(0), group: gid_t(0))
      var size = socklen_t(MemoryLayout.size(ofValue: credentials))
      guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else {
        return nil
      }
      return credentials.user
    #else
      var user = uid_t()
      var group = gid_t()
      return getpeereid(descriptor, &user, &group) == 0 ? user : nil
    #endif
  }
}
