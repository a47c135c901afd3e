import EventLoop

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The reason why the relay does not start, for the operator.
enum StartFault: Error, CustomStringConvertible {
  case socket(String, SocketError)
  case file(setting: String, path: String, errno: Int32)
  case setting(String)
  case system(String)

  var description: String {
    switch self {
    case .socket(let setting, let error): "\(setting): \(error)"
    case .file(let setting, let path, let code):
      "\(setting): \(path): \(Errno(code))"
    case .setting(let text), .system(let text): text
    }
  }

  var exitCode: RelayService.ExitCode {
    switch self {
    case .socket(_, .notAnAddress), .socket(_, .pathLength), .setting: .configuration
    case .file(_, _, ENOENT), .file(_, _, ENOTDIR), .file(_, _, EACCES): .configuration
    case .socket, .file, .system: .system
    }
  }
}
