import Units
import Wire

/// Everybody who is connected, by place and by nick.
///
/// A peer's state is in its slot and nowhere else; only `vacate` removes it, from every index too.
package struct Registry {
  package private(set) var slots: ContiguousArray<Peer> = []
  private var vacant: [Int32] = []
  private var holders: [Nick: Int32] = [:]
  private var circuits: [CircuitID: Int] = [:]
  /// What lists are made of. Whatever changes who is listed forgets its page here.
  package var peerlistCache: PeerlistCache

  /// Connections of any state.
  package private(set) var connectionCount = 0
  /// Peers that have announced an offer: those who answer `!orderbook`.
  package private(set) var makerCount = 0
  /// Peers that are marked `.evictable`.
  package private(set) var evictableCount = 0
  /// Connections that have not shaken hands: pending, waiting and proving.
  package private(set) var pendingCount = 0

  package init(slotsPerPage: Int) { peerlistCache = PeerlistCache(slotsPerPage: slotsPerPage) }

  /// Peers that have shaken hands.
  package var peerCount: Int { connectionCount - pendingCount }

  mutating func occupy(at now: Instant) -> PeerID {
    let slot = vacant.popLast() ?? Int32(slots.count)
    if slot == slots.count { slots.append(Peer()) }
    slots[Int(slot)].state = .pending
    slots[Int(slot)].connectedAt = now
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

  /// Puts a peer of another process in its old slot. `finishRestoring` follows when all are here.
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
    slots[index] = peer
    slots[index].circuit = nil
    setCircuit(peer.circuit, at: index)
    return true
  }

  mutating func finishRestoring() {
    vacant = slots.indices.reversed().filter { slots[$0].state == .free }.map(Int32.init)
  }

  /// Where this peer is, unless it has left.
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

  /// Makes a pending connection a peer and gives it its nick.
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

  /// A line of this peer's own has been passed on.
  mutating func noteSpoken(at index: Int) {
    if !slots[index].flags.contains(.hasSpoken) { slots[index].flags.insert(.hasSpoken) }
  }

  /// Whether this peer may go when places run short.
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

  /// Circuits that hold a connection.
  package var circuitCount: Int { circuits.count }

  package func connections(of circuit: CircuitID) -> Int { circuits[circuit] ?? 0 }

  /// In-place access to one peer's state.
  package subscript(index: Int) -> Peer {
    _read { yield slots[index] }
    _modify { yield &slots[index] }
  }

  /// For the tests: nothing is left of anybody.
  var isEmpty: Bool {
    connectionCount == 0 && pendingCount == 0 && holders.isEmpty && circuits.isEmpty
      && vacant.count == slots.count
  }
}
