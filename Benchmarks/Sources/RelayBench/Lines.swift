#if os(Linux)
  import CEpoll
  import Glibc

  /// Writes the generator's lines and reads the node's.
  ///
  /// A measured line is `<from>!PUBLIC!bench SSSSS NNNNNNNNNN TTTTTTTTTTTTTTTTTTT xxx…`: stream,
  /// number within the stream, and the monotonic time of writing. The fields have fixed offsets, so
  /// stamping and checking need no JSON parser. JSON without spaces is accepted, too.
  enum Lines {
    static let smallest = 128
    static let largest = 30_000
    private static let base58 = Array(
      "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz".utf8)
    private static let base32 = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// Returns a valid nick, different for each number and each salt.
    static func nick(_ index: Int, salt: Int) -> String {
      "J5" + digits(index, 7, base58) + digits(salt, 7, base58)
    }

    /// Returns 56 characters of base32 and a port. The checksum is not valid, so it is for test
    /// networks only.
    static func onion(_ index: Int, salt: Int) -> String {
      digits(index, 28, base32) + digits(salt, 28, base32) + ".onion:5222"
    }

    private static func digits(_ number: Int, _ count: Int, _ alphabet: [UInt8]) -> String {
      var rest = number
      var text = [UInt8](repeating: alphabet[0], count: count)
      for i in stride(from: count - 1, through: 0, by: -1) {
        text[i] = alphabet[rest % alphabet.count]
        rest /= alphabet.count
      }
      return String(decoding: text, as: UTF8.self)
    }

    static func frame(_ type: Int, _ line: String) -> [UInt8] {
      Array("{\"type\": \(type), \"line\": \"\(line)\"}\r\n".utf8)
    }

    static func handshake(nick: String, location: String, network: String) -> [UInt8] {
      let inner =
        "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": "
        + "\"\(location)\", "
        + "\"proto-ver\": 5, \"features\": {\"peerlist_features\": true, \"ping\": true}, "
        + "\"nick\": \"\(nick)\", \"network\": \"\(network)\"}"
      return frame(
        793,
        inner.split(separator: "\"", omittingEmptySubsequences: false)
          .joined(separator: "\\\""))
    }

    /// Returns a line of exactly `size` bytes, terminator included. Stamp it before each send.
    static func measured(_ type: Int, from: String, to: String, stream: Int, size: Int) -> [UInt8] {
      let bare = "\(from)!\(to)!bench \(decimal(stream, 5)) \(decimal(0, 10)) \(decimal(0, 19)) "
      let missing = size - frame(type, bare).count
      return frame(type, bare + String(repeating: "x", count: max(0, missing)))
    }

    private static func decimal(_ number: Int, _ width: Int) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// Returns the offset of the number in a line made by `measured`.
    static func stampOffset(_ line: [UInt8]) -> Int {
      line.withUnsafeBufferPointer { bytes in
        guard let start = bytes.baseAddress else { return 0 }
        return (measuredPart(start, bytes.count) ?? 0) + 6
      }
    }

    static func stamp(_ at: UnsafeMutablePointer<UInt8>, number: Int, time: Int64) {
      write(Int64(number), 10, at)
      write(time, 19, at + 11)
    }

    private static func write(_ number: Int64, _ width: Int, _ at: UnsafeMutablePointer<UInt8>) {
      var rest = UInt64(number)
      for i in stride(from: width - 1, through: 0, by: -1) {
        at[i] = 48 + UInt8(rest % 10)
        rest /= 10
      }
    }

    static func number(_ at: UnsafePointer<UInt8>, _ width: Int) -> Int64 {
      var value: Int64 = 0
      for i in 0..<width { value = value &* 10 &+ Int64(at[i] &- 48) }
      return value
    }

    /// Returns the frame's type, or 0 if this is no frame.
    static func type(_ line: UnsafePointer<UInt8>, _ n: Int) -> Int {
      guard n > 16, memcmp(line, "{\"type\":", 8) == 0 else { return 0 }
      return Int(number(line + (line[8] == 32 ? 9 : 8), 3))
    }

    /// Returns the offset of the stream number of a measured line; nil for any other line.
    static func measuredPart(_ line: UnsafePointer<UInt8>, _ n: Int) -> Int? {
      guard let to = after(33, line, n, from: 0), let command = after(33, line, n, from: to),
        n - command > 44, memcmp(line + command, "bench ", 6) == 0
      else { return nil }
      return command + 6
    }

    private static func after(_ byte: Int32, _ line: UnsafePointer<UInt8>, _ n: Int, from: Int)
      -> Int?
    {
      guard let hit = memchr(line + from, byte, n - from) else { return nil }
      return UnsafeRawPointer(hit) - UnsafeRawPointer(line) + 1
    }

    static func contains(_ line: UnsafePointer<UInt8>, _ n: Int, _ text: StaticString) -> Bool {
      memmem(line, n, text.utf8Start, text.utf8CodeUnitCount) != nil
    }

    /// Returns whether a 795 accepts the peer.
    static func accepts(_ line: UnsafePointer<UInt8>, _ n: Int) -> Bool {
      contains(line, n, "accepted\\\": true") || contains(line, n, "accepted\\\":true")
    }

    /// Returns the number of entries of a PEERLIST frame, and of its `D` entries.
    static func entries(_ line: UnsafePointer<UInt8>, _ n: Int) -> (listed: Int, left: Int) {
      guard let key = memmem(line, n, "\"line\":", 7) else { return (0, 0) }
      var i = UnsafeRawPointer(key) - UnsafeRawPointer(line) + 7
      while i < n, line[i] == 32 || line[i] == 34 { i += 1 }
      var (listed, left) = (0, 0)
      while i < n {
        guard let colon = memchr(line + i, 59, n - i) else { break }  // the nick's ";"
        i = UnsafeRawPointer(colon) - UnsafeRawPointer(line) + 1
        var gone = false
        while i < n, line[i] != 44, line[i] != 34 {
          if line[i] == 59, i + 2 < n, line[i + 1] == 68, line[i + 2] == 44 || line[i + 2] == 34 {
            gone = true
          }
          i += 1
        }
        if gone { left += 1 } else { listed += 1 }
      }
      return (listed, left)
    }
  }
#endif
