import Units
import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The names under which the page and /status answer. A stranger's web page can have a name of its
/// own point to this machine and then read what a browser here is answered (DNS rebinding); it
/// cannot choose the name that the browser sends.
package struct StatusHosts {
  private let names: Set<String>

  /// - Parameter names: those of the operator, in lower case, besides this machine's own.
  package init(_ names: [String]) {
    self.names = Set(names + ["localhost"] + [Self.machineName].compactMap { $0 })
  }

  /// - Parameter host: the value of a Host header. A request without one is not from a browser.
  package func allows(_ host: String) -> Bool {
    guard let name = Self.name(in: host.lowercased()) else { return false }
    return names.contains(name) || names.contains("[\(name)]") || name.hasSuffix(".localhost")
      || Self.isLocalAddress(name)
  }

  /// Returns the name without port, brackets, final dot and space before it; `nil` if what follows
  /// the name is not a port.
  private static func name(in text: String) -> String? {
    let host = text.drop { $0 == " " || $0 == "\t" }
    let end = host.hasPrefix("[") ? host.firstIndex(of: "]").map { host.index(after: $0) } : nil
    // Several colons without brackets are an address without a port.
    let isAddress = end == nil && host.count(where: { $0 == ":" }) > 1
    let nameEnd = end ?? (isAddress ? nil : host.firstIndex(of: ":")) ?? host.endIndex
    let port = host[nameEnd...]
    guard
      port.isEmpty || port.first == ":" && port.dropFirst().allSatisfy({ ("0"..."9").contains($0) })
    else {
      return nil
    }
    let name = host[..<nameEnd]
    if end != nil { return String(name.dropFirst().dropLast()) }
    return String(name.hasSuffix(".") ? name.dropLast() : name)
  }

  private static var machineName: String? {
    var bytes = [CChar](repeating: 0, count: 256)
    // Safe: it gets one byte less than the room, so a NUL is left at the end.
    guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return nil }
    let name = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return name.isEmpty ? nil : String(decoding: name, as: UTF8.self).lowercased()
  }

  /// Loopback, private (RFC 1918, 4193, 6598) and link-local addresses.
  private static func isLocalAddress(_ text: String) -> Bool {
    guard let bytes = Array(text.utf8).withView({ $0.ipAddress() }) else { return false }
    guard bytes.count == 16 else { return isLocal(bytes[0], bytes[1]) }
    let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
    if isMapped { return isLocal(bytes[12], bytes[13]) }
    let isLoopback = bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    return isLoopback || bytes[0] & 0xfe == 0xfc || bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80
  }

  /// - Parameters: the first two bytes of an IPv4 address.
  private static func isLocal(_ first: UInt8, _ second: UInt8) -> Bool {
    switch (first, second) {
    case (127, _), (10, _), (192, 168), (169, 254), (172, 16...31), (100, 64...127): true
    default: false
    }
  }
}
