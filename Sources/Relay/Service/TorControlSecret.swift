import EventLoop
import Settings
import Wire

/// The AUTHENTICATE command, with Tor's cookie, a password, or nothing. The cookie is read for each
/// connection, because a restarted Tor makes a new one.
struct TorControlSecret {
  let command: [UInt8]

  static let cookieLength = 32
  static let longestPassword = 1_024

  init(_ settings: Settings) throws(TorControlFailure) {
    let start = Array("AUTHENTICATE".utf8)
    if let path = settings.torControlCookieFile {
      let cookie = try Self.contents(of: path, limit: Self.cookieLength)
      guard cookie.count == Self.cookieLength else {
        throw .unreadable(path: path, reason: "a cookie has \(Self.cookieLength) bytes")
      }
      command = start + [0x20] + cookie.flatMap { [Self.hex($0 >> 4), Self.hex($0 & 15)] }
    } else if let path = settings.torControlPasswordFile {
      let password = try Self.contents(of: path, limit: Self.longestPassword)
        .prefix { $0 != 10 && $0 != 13 }
      guard !password.isEmpty else { throw .unreadable(path: path, reason: "the file is empty") }
      // A QuotedString of Tor's control protocol.
      let quoted = password.flatMap { $0 == 0x22 || $0 == 0x5c ? [0x5c, $0] : [$0] }
      command = start + [0x20, 0x22] + quoted + [0x22]
    } else {
      command = start
    }
  }

  private static func hex(_ digit: UInt8) -> UInt8 { digit + (digit < 10 ? 0x30 : 0x57) }

  /// - Throws: also for more than `limit` bytes.
  private static func contents(
    of path: String, limit: Int
  ) throws(TorControlFailure) -> [UInt8] {
    switch SmallFile.read(path, limit: limit + 1) {
    case .failure(let error): throw .unreadable(path: path, reason: "\(error)")
    case .success(let bytes):
      guard bytes.count <= limit else {
        throw .unreadable(path: path, reason: "the file has more than \(limit) bytes")
      }
      return bytes
    }
  }
}
