// The address at which a peer can be reached directly: an onion service and its port. Values of
// these types are checked, the onion's checksum included, so a peerlist can contain them without
// escaping.

import Units

/// Why a text is not an endpoint. The answers differ (protocol.md §3).
package enum OnionEndpointError: Error, Hashable, Sendable {
  /// No `:`, or no port of 1…65535 after it: the peer counts as serving none.
  case badPort
  /// The host is not a v3 onion with a valid checksum: the peer is rejected.
  case badHost
}

package struct OnionEndpoint: Hashable, Sendable, CustomStringConvertible {
  /// `host:port` in ASCII. An onion is in lower case.
  package let text: [UInt8]
  package let port: UInt16

  package var host: String {
    String(decoding: text.prefix(text.lastIndex(of: UInt8(ascii: ":")) ?? 0), as: UTF8.self)
  }
  package var description: String { String(decoding: text, as: UTF8.self) }

  /// - Parameters:
  ///   - bytes: `host:port`; the port without sign or leading zero.
  ///   - network: on regtest any host of `A-Z a-z 0-9 . _ : -`, up to 255, so that test networks
  ///     work.
  package init(_ bytes: ByteView, network: Network, allowsClearnet: Bool? = nil)
    throws(OnionEndpointError)
  {
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")),
      let number = bytes.part(colon + 1..<bytes.count).decimal(atMost: 65_535), number > 0
    else { throw .badPort }
    let host = bytes.part(0..<colon)
    if Onion.isValid(host) {
      text = bytes.map(\.lowercased)
    } else if allowsClearnet ?? (network == .regtest), OnionEndpoint.isSafe(host) {
      text = [UInt8](bytes)
    } else {
      throw .badHost
    }
    port = UInt16(number)
  }

  package init(_ text: String, network: Network, allowsClearnet: Bool? = nil)
    throws(OnionEndpointError)
  {
    let parsed = Array(text.utf8).withView { bytes in
      Result { () throws(OnionEndpointError) in
        try OnionEndpoint(bytes, network: network, allowsClearnet: allowsClearnet)
      }
    }
    self = try parsed.get()
  }

  private static func isSafe(_ host: ByteView) -> Bool {
    guard !host.isEmpty, host.count <= 255 else { return false }
    return host.allSatisfy { byte in
      byte.isDigit || byte.isLetter || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-")
    }
  }
}

/// Names of v3 onion services (Tor's rend-spec-v3, section 6): base32 of a public key, a checksum
/// and the version.
enum Onion {
  /// Whether this is `<56 base32>.onion`, in any letter case, with version 3 and a right checksum.
  static func isValid(_ host: ByteView) -> Bool {
    guard host.count == 62,
      host.part(56..<62).elementsEqual(".onion".utf8, by: { $0.lowercased == $1 }),
      let bytes = base32(host.part(0..<56)), bytes[34] == 3
    else { return false }
    let sum = Digest.sha3(Array(".onion checksum".utf8) + bytes[..<32] + [3])
    return sum.withBytes { $0[0] == bytes[32] && $0[1] == bytes[33] }
  }

  /// Decodes digits of five bits, a multiple of eight of them.
  private static func base32(_ digits: ByteView) -> [UInt8]? {
    var out: [UInt8] = []
    out.reserveCapacity(digits.count * 5 / 8)
    var bits: UInt32 = 0
    var held = 0
    for digit in digits {
      guard let value = base32Value(digit) else { return nil }
      bits = bits << 5 | value
      held += 5
      if held >= 8 {
        held -= 8
        out.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
      }
    }
    return out
  }

  private static func base32Value(_ digit: UInt8) -> UInt32? {
    switch digit.lowercased {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit.lowercased - UInt8(ascii: "a"))
    case UInt8(ascii: "2")...UInt8(ascii: "7"): UInt32(digit - UInt8(ascii: "2") + 26)
    default: nil
    }
  }
}

/// The address in a peer's handshake.
package enum Location: Hashable, Sendable {
  case notServing
  case onion(OnionEndpoint)

  package func append(to out: inout [UInt8]) {
    switch self {
    case .notServing: out.append("NOT-SERVING-ONION")
    case .onion(let endpoint): out.append(contentsOf: endpoint.text)
    }
  }

  package var text: String {
    switch self {
    case .notServing: "NOT-SERVING-ONION"
    case .onion(let endpoint): endpoint.description
    }
  }
}
