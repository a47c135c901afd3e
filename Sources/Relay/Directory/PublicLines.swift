import Units
import Wire

/// Public lines that wait to be delivered, and their budgets. `!orderbook` has a queue of its own,
/// because it waits for another budget.
package struct PublicLines {
  var lines: FairQueue
  var requests: FairQueue
  package var budget: FanOutBudget
  /// Which lines wait until readers have caught up.
  package enum Held {
    case nothing
    /// Lines of peers that have sent much recently (`FairQueue.bulk`).
    case bulk
    case all
  }

  package var held = Held.nothing
  /// `FANOUT_BYTES_LIMIT=0` turns all of the bulk budget off.
  private var isBulkHeld: Bool {
    held == .all || held == .bulk && budget.limits.bytes > 0
  }
  /// Whether a broadcast is still being sent in portions. Limited lines wait meanwhile.
  package var isSending = false

  /// The bytes that one release may send, each copy counted: some milliseconds of work.
  static let portion = 4 << 20

  init(_ limits: Limits) {
    lines = FairQueue(limits.waiting)
    requests = FairQueue(limits.waiting)
    budget = FanOutBudget(limits.fanout)
  }

  package var isEmpty: Bool { lines.isEmpty && requests.isEmpty }
  package var count: Int { lines.count + requests.count }
  package var waitingLines: Int { lines.count }
  package var waitingRequests: Int { requests.count }
  package var bytes: Int { lines.bytes + requests.bytes }

  mutating func apply(_ limits: Limits) {
    lines.limits = limits.waiting
    requests.limits = limits.waiting
    budget.limits = limits.fanout
  }

  /// Takes the cost of a line and returns true if it may be sent at once, before queued lines.
  mutating func takeAtOnce(
    _ cost: FanOutBudget.Cost, isStranger: Bool, at now: Instant
  ) -> Bool {
    guard held != .all, !cost.isBulk || !isBulkHeld, !isWaitingForTurn,
      cost.makers == nil
        ? lines.isEmpty(before: isStranger) : requests.isEmpty(before: isStranger)
    else { return false }
    return budget.take(cost, isStranger: isStranger, at: now)
  }

  /// Returns the line whose turn it is, if the budget allows one. The caller takes its cost.
  mutating func next(makers: Int?, at now: Instant) -> FairQueue.Served? {
    guard held != .all, !isWaitingForTurn,
      budget.mayTake(makers: makers, isStranger: false, at: now)
    else { return nil }
    let strangers = budget.mayTake(makers: makers, isStranger: true, at: now)
    let bulk = !isBulkHeld && budget.mayTakeBulk(at: now)
    return makers == nil
      ? lines.popFirst(strangers: strangers, bulk: bulk)
      : requests.popFirst(strangers: strangers, bulk: bulk)
  }

  private var isWaitingForTurn: Bool { isSending && budget.limits.deliveries > 0 }

  /// Drops the requests of a peer that has left, because it cannot receive answers. Its other lines
  /// stay, and its `D` entry follows them.
  mutating func forgetRequests(of peer: PeerID, circuit: CircuitID?) {
    for isStranger in [true, false] {
      requests.forget(
        peer, in: FairQueue.Flow(circuit: circuit, peer: peer, isStranger: isStranger))
    }
  }
}

extension Directory {
  /// The number of refusals by budgets of circuits, by kind.
  package var refusalsByKind: [(label: String, count: Int)] {
    CircuitBudgets.Kind.allCases.map { ($0.label, circuits.refusals[$0.rawValue]) }
  }
  package var circuitRefusals: Int { circuits.refusals.reduce(0, +) }

  /// Whether a peer is a stranger: new, not verified, and not addressed by an established peer.
  func isStranger(_ peer: borrowing Peer) -> Bool {
    !peer.flags.contains(.verified) && !peer.flags.contains(.addressed)
      && now < peer.connectedAt + limits.strangerTime
  }

  /// Whether the next line of this peer is one of strangers: also while lines wait that it sent as
  /// one, for it must not overtake them.
  private func isServedAsStranger(
    _ peer: borrowing Peer, _ id: PeerID, isRequest: Bool
  ) -> Bool {
    if isStranger(peer) { return true }
    if isRequest ? publicLines.requests.isEmpty : publicLines.lines.isEmpty { return false }
    let flow = FairQueue.Flow(circuit: peer.circuit, peer: id, isStranger: true)
    return isRequest
      ? publicLines.requests.holds(id, in: flow) : publicLines.lines.holds(id, in: flow)
  }

  /// Delivers a peer's public line, at once or when its turn comes.
  /// - Parameter isRequest: whether it asks for the order book.
  func passOn(
    _ frame: Frame, from id: PeerID, at index: Int, isRequest: Bool, into actions: inout Actions
  ) {
    let peer = registry[index]
    let isStranger = isServedAsStranger(peer, id, isRequest: isRequest)
    let level =
      isRequest
      ? level(of: peer, .orderbookRequests, peer.orderbookRequests, limits.orderbookRequests)
      : level(of: peer, .publicLines, peer.publicFrames, limits.publicFrames)
    let cost = cost(
      ofBytes: frame.body.count + 2, isRequest: isRequest, isBulk: level == FairQueue.bulk)
    if publicLines.takeAtOnce(cost, isStranger: isStranger, at: now) {
      registry[index].cost.deliveries += cost.receivers
      return actions.add(.broadcast(.received(frame), except: id))
    }
    let flow = FairQueue.Flow(circuit: peer.circuit, peer: id, isStranger: isStranger)
    let line = FairQueue.Line(frame: Array(frame.body) + [13, 10], sender: id, nick: peer.nick)
    let dropped: Int
    if isRequest {
      // A second request would bring the same answers.
      guard !publicLines.requests.holds(frame.body, of: id, in: flow) else {
        publicLines.requests.raise(flow, to: level)
        return counters.dropped.count(.waitingAlready)
      }
      dropped = publicLines.requests.add(line, to: flow, level: level)
    } else {
      dropped = publicLines.lines.add(line, to: flow, level: level)
    }
    for _ in 0..<dropped { counters.dropped.count(.fanoutQueue) }
  }

  /// Announces the departure of a listed peer, at once or when its turn comes. The flow of the peer
  /// pays for it.
  func announceDeparture(of peer: Peer, _ id: PeerID, into actions: inout Actions) {
    var departure: [UInt8] = []
    PeerlistWriter.departure(of: peer.entry, to: &departure)
    let isStranger = isServedAsStranger(peer, id, isRequest: false)
    let cost = cost(ofBytes: departure.count, isRequest: false)
    let isWithin = circuits.take(.departures, of: peer.circuit, at: now)
    if isWithin, publicLines.takeAtOnce(cost, isStranger: isStranger, at: now) {
      let message = actions.make(.peerlist) { $0.append(contentsOf: departure) }
      return actions.add(.broadcast(message, except: id))
    }
    let line = FairQueue.Line(
      frame: departure, sender: id, nick: peer.nick, type: .peerlist)
    let flow = FairQueue.Flow(circuit: peer.circuit, peer: id, isStranger: isStranger)
    let used = peer.circuit.map { circuits.used(.departures, of: $0, at: now) } ?? 1
    let level = isWithin ? FairQueue.level(ofUsed: used) : FairQueue.bulk - 1
    for _ in 0..<publicLines.lines.add(line, to: flow, level: level) {
      counters.dropped.count(.fanoutQueue)
    }
  }

  /// Delivers queued lines as the budgets allow, up to some milliseconds of work. The server calls
  /// it every few milliseconds while lines wait.
  package func releasePublicLines(at time: Instant, into actions: inout Actions) {
    advance(to: time)
    var left = PublicLines.portion
    while left > 0, let served = publicLines.next(makers: registry.makerCount, at: now) {
      left -= release(served, isRequest: true, into: &actions)
    }
    while left > 0, let served = publicLines.next(makers: nil, at: now) {
      left -= release(served, isRequest: false, into: &actions)
    }
  }

  /// - Returns: the number of bytes for all receivers together.
  private func release(
    _ served: FairQueue.Served, isRequest: Bool, into actions: inout Actions
  ) -> Int {
    let line = served.line
    // Lines of a sender that has left are delivered too (`!hp2` comes from a nick that is used
    // once). If another peer holds the nick now, the lines and the `D` entry are dropped.
    let sender = registry.index(of: line.sender)
    if sender == nil, registry.holder(of: line.nick) != nil { return 0 }
    let cost = cost(ofBytes: line.frame.count, isRequest: isRequest, isBulk: served.isBulk)
    if let sender { registry[sender].cost.deliveries += cost.receivers }
    publicLines.budget.spend(cost, isStranger: served.isStranger, at: now)
    let message = actions.make(line.type) { $0.append(contentsOf: line.frame) }
    actions.add(.broadcast(message, except: line.sender))
    return cost.receivers * cost.bytes
  }

  private func cost(ofBytes bytes: Int, isRequest: Bool, isBulk: Bool = false) -> FanOutBudget.Cost
  {
    FanOutBudget.Cost(
      receivers: max(1, registry.peerCount - 1), bytes: bytes,
      makers: isRequest ? registry.makerCount : nil, isBulk: isBulk)
  }

  /// Returns the level of a line's flow, from its recent lines and bytes.
  private func level(
    of peer: Peer, _ kind: CircuitBudgets.Kind, _ bucket: TokenBucket, _ rate: Rate
  ) -> Int {
    func used(_ kind: CircuitBudgets.Kind, _ bucket: TokenBucket, _ rate: Rate) -> Int {
      peer.circuit.map { circuits.used(kind, of: $0, at: now) } ?? bucket.used(rate, at: now)
    }
    if used(.publicBytes, peer.publicBytes, limits.publicBytes) > FairQueue.bulkBytes {
      return FairQueue.bulk
    }
    return FairQueue.level(ofUsed: used(kind, bucket, rate))
  }
}
