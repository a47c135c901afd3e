// Calls of the C library behind safe signatures: memchr, memcmp and inet_pton. Digest.swift calls
// explicit_bzero; no other file of this module calls the C library.

import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension ByteView {
  /// The offset of the first `byte` at or after `start`, or nil: `memchr(3)`.
  func firstOffset(of byte: UInt8, from start: Int = 0) -> Int? {
    // Safe: `memchr` reads from `start` to the end, which are within the bytes.
    guard let base = unsafe buffer.baseAddress, start >= 0, start < count,
      let hit = unsafe memchr(base + start, Int32(byte), count - start)
    else { return nil }
    return unsafe UnsafeRawPointer(hit) - base
  }

  /// Returns the offset of the first occurrence of `bytes`, or nil. `bytes` must not be empty.
  package func firstOffset(of bytes: [UInt8]) -> Int? {
    var start = 0
    while let offset = firstOffset(of: bytes[0], from: start), offset + bytes.count <= count {
      if part(offset..<offset + bytes.count).elementsEqual(bytes) { return offset }
      start = offset + 1
    }
    return nil
  }

  /// Whether the bytes are exactly those of `text`.
  package func isEqual(to text: StaticString) -> Bool {
    count == text.utf8CodeUnitCount && hasPrefix(text)
  }

  /// Whether the bytes begin with those of `text`: `memcmp(3)`.
  package func hasPrefix(_ text: StaticString) -> Bool {
    guard let base = unsafe buffer.baseAddress else { return text.utf8CodeUnitCount == 0 }
    guard count >= text.utf8CodeUnitCount else { return false }
    // Safe: both have as many bytes as are compared.
    return unsafe memcmp(base, text.utf8Start, text.utf8CodeUnitCount) == 0
  }

  /// Whether the bytes end with those of `text`.
  package func hasSuffix(_ text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    return count >= length && part(count - length..<count).isEqual(to: text)
  }

  /// The 4 or 16 bytes of the IP address whose text this is, or nil: `inet_pton(3)`.
  package func ipAddress() -> [UInt8]? {
    // 45 characters are the longest spelling (INET6_ADDRSTRLEN less its NUL).
    guard count <= 45, !contains(0) else { return nil }
    let isIPv6 = contains(UInt8(ascii: ":"))
    let text = [UInt8](self) + [0]
    var address = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    // Safe: the text ends with NUL, and an address of this family fills its room.
    let understood = unsafe text.withUnsafeBytes { text in
      unsafe inet_pton(
        isIPv6 ? AF_INET6 : AF_INET, text.bindMemory(to: CChar.self).baseAddress, &address)
    }
    return understood == 1 ? address : nil
  }
}
