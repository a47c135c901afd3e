// The PROXY line. Only Tor's form has a circuit, and the parsed circuit must equal the one in the
// line.

import Units

@testable import Wire

enum ProxyTarget {
  static func run(_ input: ByteView) throws {
    if let circuit = try? ProxyLine.parse(input) {
      let words = String(decoding: input, as: UTF8.self).split(
        separator: " ", omittingEmptySubsequences: false)
      try hold("six words", words.count == 6)
      try hold(
        "one short line",
        input.count <= ProxyLine.limit - 2 && !input.contains { $0 < 0x20 || $0 > 0x7e })
      try hold("PROXY TCP6", words[0] == "PROXY" && words[1] == "TCP6")
      try hold("ports are 16-bit numbers", UInt16(words[4]) != nil && UInt16(words[5]) != nil)
      try hold("a line of the same circuit names it again", parse(circuit) == circuit)
    }
    if input.count >= 4 {
      let circuit = CircuitID(value: input.buffer.loadUnaligned(as: UInt32.self))
      try hold("Tor's line names its circuit", parse(circuit) == circuit)
    }
  }

  private static func parse(_ circuit: CircuitID) -> CircuitID? {
    let high = String(circuit.value >> 16, radix: 16)
    let low = String(circuit.value & 0xffff, radix: 16)
    let line = "PROXY TCP6 fc00:dead:beef:4dad::\(high):\(low) ::1 \(circuit.value & 0xffff) 5222"
    return Array(line.utf8).withView { try? ProxyLine.parse($0) }
  }
}
