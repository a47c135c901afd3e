// The PROXY line (version 1 of HAProxy's protocol) with which Tor's `HiddenServiceExportCircuitID
// haproxy` begins every connection: `PROXY TCP6 fc00:dead:beef:4dad::0:16 ::1 22 5222`. The last 32
// bits of the source address are the circuit's id; Tor's manual says that the bits before can be
// ignored.

import Units

/// A Tor circuit, as the Tor process in front of one listener numbers it.
package struct CircuitID: Hashable, Sendable {
  /// The id in `GETINFO circuit-status` and `CLOSECIRCUIT` of that Tor.
  package let value: UInt32
  /// The listener: two Tors use the same small numbers.
  package let listener: UInt16

  package init(value: UInt32, listener: UInt16 = 0) {
    self.value = value
    self.listener = listener
  }

  /// Returns the id with this listener.
  package func numbered(by listener: UInt16) -> CircuitID {
    CircuitID(value: value, listener: listener)
  }
}

package enum ProxyLineError: Error, Hashable, Sendable {
  /// Not `PROXY TCP6 source destination port port`.
  case malformed
}

package enum ProxyLine {
  /// The longest line with its CR LF in the PROXY protocol.
  package static let limit = 107

  /// - Parameter line: without its CR LF.
  package static func parse(_ line: ByteView) throws(ProxyLineError) -> CircuitID {
    guard line.count <= limit - 2 else { throw .malformed }
    var rest: ByteView? = line
    guard let first = word(&rest), first.isEqual(to: "PROXY"),
      let family = word(&rest), family.isEqual(to: "TCP6"),
      let source = word(&rest)?.ipAddress(), source.count == 16,
      word(&rest)?.ipAddress()?.count == 16,
      word(&rest)?.decimal(atMost: 65_535) != nil, word(&rest)?.decimal(atMost: 65_535) != nil,
      rest == nil
    else { throw .malformed }
    // Tor's manual: the circuit is the last 32 bits of the source address, and all else can be
    // ignored.
    return CircuitID(value: source[12...].reduce(0) { $0 << 8 | UInt32($1) })
  }

  /// Returns the text up to the next space; `rest` is nil when there is no more.
  private static func word(_ rest: inout ByteView?) -> ByteView? {
    guard let text = rest else { return nil }
    guard let space = text.firstOffset(of: UInt8(ascii: " ")) else {
      rest = nil
      return text
    }
    rest = text.part(space + 1..<text.count)
    return text.part(0..<space)
  }
}
