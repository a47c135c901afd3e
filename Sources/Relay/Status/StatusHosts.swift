import Units
import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The host names for which the page and /status answer. A foreign web page can let its own host
/// name point to this machine and then read the answers to a browser here (DNS rebinding). It
/// cannot change the Host header that the browser sends.
package struct StatusHosts {
  private let names: Set<String>

  /// - Parameter names: the operator's names, in lower case, in addition to this machine's own.
  package init(_ names: [String]) {
    self.names = Set(names + ["localhost"] + [Self.machineName].compactMap { $0 })
  }

  /// - Parameter host: the value of the Host header. A request without one is not from a browser.
  package func allows(_ host: String?) -> Bool {
    guard let host else { return true }
    let name = Self.name(in: host.lowercased())
    return names.contains(name) || names.contains("[\(name)]") || name.hasSuffix(".localhost")
      || Self.isLocalAddress(name)
  }

  /// Returns the name without port, brackets and final dot.
  private static func name(in host: String) -> String {
    if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
    let parts = host.split(separator: ":", omittingEmptySubsequences: false)
    // Several colons without brackets are an address without a port.
    let name = parts.count == 2 ? String(parts[0]) : host
    return name.hasSuffix(".") ? String(name.dropLast()) : name
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
