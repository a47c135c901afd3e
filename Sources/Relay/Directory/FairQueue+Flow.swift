import Wire

extension FairQueue {
  /// The owner of a flow: a circuit, or a connection whose circuit is unknown.
  struct Flow: Hashable {
    let value: UInt64
    let isStranger: Bool

    init(value: UInt64, isStranger: Bool) {
      self.value = value
      self.isStranger = isStranger
    }

    init(circuit: CircuitID, isStranger: Bool) {
      self.init(
        value: UInt64(circuit.listener) << 32 | UInt64(circuit.value), isStranger: isStranger)
    }

    /// Nil for a connection whose circuit is unknown.
    var circuit: CircuitID? {
      guard value >> 63 == 0 else { return nil }
      return CircuitID(
        value: UInt32(truncatingIfNeeded: value), listener: UInt16(truncatingIfNeeded: value >> 32))
    }

    init(circuit: CircuitID?, peer: PeerID, isStranger: Bool) {
      if let circuit {
        self.init(circuit: circuit, isStranger: isStranger)
      } else {
        let value =
          1 << 63 | UInt64(UInt32(bitPattern: peer.slot)) << 32 | UInt64(peer.generation)
        self.init(value: value, isStranger: isStranger)
      }
    }
  }
}
