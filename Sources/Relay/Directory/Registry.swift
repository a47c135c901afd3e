import Units
import Wire

/// All connections, by slot and by nick.
///
/// A peer's state is only in its slot. Only `vacate` removes it, from all indexes too.
package struct Registry {
  package private(set) var slots: ContiguousArray<Peer> = []
  private var vacant: [Int32] = []
  private var holders: [Nick: Int32] = [:]
  private var circuits: [CircuitID: Int] = [:]
  /// The pages of peerlists. Every change of an entry forgets its page.
  package var peerlistCache: PeerlistCache

  /// When the latest connection came. No two have come at the same time, whatever the clock says.
  private var lastArrival = Instant(nanoseconds: .min)

  /// The number of connections in any state.
  package private(set) var connectionCount = 0
  /// The number of peers that have announced an offer and so answer `!orderbook`.
  package private(set) var makerCount = 0
  /// The number of peers marked `.evictable`.
  package private(set) var evictableCount = 0
  /// The number of connections before their handshake: pending, waiting and proving.
  package private(set) var pendingCount = 0

  package init(slotsPerPage: Int) { peerlistCache = PeerlistCache(slotsPerPage: slotsPerPage) }

  /// The number of admitted peers.
  package var peerCount: Int { connectionCount - pendingCount }

  mutating func occupy(at now: Instant) -> PeerID {
    let slot = vacant.popLast() ?? Int32(slots.count)
    if slot == slots.count { slots.append(Peer()) }
    slots[Int(slot)].state = .pending
    lastArrival = max(now, lastArrival + .nanoseconds(1))
    slots[Int(slot)].connectedAt = lastArrival
    slots[Int(slot)].lastReceived = now
    connectionCount += 1
    pendingCount += 1
    return PeerID(slot: slot, generation: slots[Int(slot)].generation)
  }

  mutating func vacate(_ id: PeerID) {
    guard let index = index(of: id) else { return }
    let peer = slots[index]
    if peer.state == .present {
      if holders[peer.nick] == id.slot { holders[peer.nick] = nil }
      if peer.isListed { peerlistCache.forget(slot: index) }
      if peer.flags.contains(.announced) { makerCount -= 1 }
    } else {
      pendingCount -= 1
    }
    connectionCount -= 1
    setEvictable(false, at: index)
    setCircuit(nil, at: index)
    slots[index] = Peer()
    slots[index].generation = peer.generation &+ 1
    vacant.append(id.slot)
  }

  /// More slots than `MAX_PEERS` and `MAX_PENDING` allow together.
  private static let mostSlots: Int32 = 4 << 20

  /// Puts a peer of another process in its old slot. `finishRestoring` follows after all peers.
  /// - Returns: false when the slot or the nick is taken.
  mutating func restore(_ peer: Peer, at slot: Int32) -> Bool {
    guard (0..<Self.mostSlots).contains(slot) else { return false }
    let index = Int(slot)
    while slots.count <= index { slots.append(Peer()) }
    guard slots[index].state == .free else { return false }
    if peer.state == .present {
      guard holders[peer.nick] == nil else { return false }
      holders[peer.nick] = slot
      if peer.flags.contains(.announced) { makerCount += 1 }
      if peer.flags.contains(.evictable) { evictableCount += 1 }
    } else {
      guard !peer.flags.contains(.evictable) else { return false }
      pendingCount += 1
    }
    connectionCount += 1
    lastArrival = max(lastArrival, peer.connectedAt)
    slots[index] = peer
    slots[index].circuit = nil
    setCircuit(peer.circuit, at: index)
    return true
  }

  mutating func finishRestoring() {
    vacant = slots.indices.reversed().filter { slots[$0].state == .free }.map(Int32.init)
  }

  /// Returns the slot of this peer, or nil if it has left.
  package func index(of id: PeerID) -> Int? {
    let index = Int(id.slot)
    guard index < slots.count, slots[index].generation == id.generation,
      slots[index].state != .free
    else { return nil }
    return index
  }

  package func id(at index: Int) -> PeerID {
    PeerID(slot: Int32(index), generation: slots[index].generation)
  }

  package func holder(of nick: Nick) -> PeerID? { holders[nick].map { id(at: Int($0)) } }

  /// Turns a pending connection into a peer with its nick.
  package mutating func admit(at index: Int) {
    precondition(holders[slots[index].nick] == nil, "a nick has one holder")
    slots[index].state = .present
    holders[slots[index].nick] = Int32(index)
    pendingCount -= 1
    if slots[index].isListed { peerlistCache.forget(slot: index) }
  }

  /// Lists a peer that has announced an offer.
  mutating func announce(at index: Int) {
    if !slots[index].isListed { peerlistCache.forget(slot: index) }
    if slots[index].flags.insert(.announced).inserted { makerCount += 1 }
  }

  /// Records that a line of this peer was delivered.
  mutating func noteSpoken(at index: Int) {
    if !slots[index].flags.contains(.hasSpoken) { slots[index].flags.insert(.hasSpoken) }
  }

  /// Marks whether this peer may be evicted when places run short.
  mutating func setEvictable(_ isEvictable: Bool, at index: Int) {
    guard slots[index].flags.contains(.evictable) != isEvictable else { return }
    if isEvictable {
      slots[index].flags.insert(.evictable)
      evictableCount += 1
    } else {
      slots[index].flags.remove(.evictable)
      evictableCount -= 1
    }
  }

  mutating func setCircuit(_ circuit: CircuitID?, at index: Int) {
    if let old = slots[index].circuit {
      circuits[old] = circuits[old].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
    slots[index].circuit = circuit
    if let circuit { circuits[circuit, default: 0] += 1 }
  }

  /// The number of circuits with a connection.
  package var circuitCount: Int { circuits.count }

  package func connections(of circuit: CircuitID) -> Int { circuits[circuit] ?? 0 }

  /// Gives in-place access to one peer's state.
  package subscript(index: Int) -> Peer {
    _read { yield slots[index] }
    _modify { yield &slots[index] }
  }

  /// Whether no peer and no index entry is left, for tests.
  var isEmpty: Bool {
    connectionCount == 0 && pendingCount == 0 && holders.isEmpty && circuits.isEmpty
      && vacant.count == slots.count
  }
}
