/// The reference directory's handling of public lines: the budgets of circuits, the fan-out budget,
/// and the queue of waiting lines.
@testable import Directory

struct ReferencePublicLines {
  typealias Bucket = ReferenceDirectory.Bucket

  struct Line {
    let frame: String
    let sender: Int
    /// The nick of the sender.
    let nick: String
    var size: Int { frame.utf8.count + 2 + 80 }
  }

  /// The waiting lines of one circuit, or of one connection with an unknown circuit. Its
  /// connections are served in turn, one line each.
  struct Flow {
    let payer: String
    let isStranger: Bool
    var level: Int
    /// The bytes that it was sent beyond its turns of 4 KiB.
    var debt = 0
    var lines: [Int: [Line]] = [:]
    /// Its connections, in the order of service.
    var order: [Int] = []
    var size: Int { lines.values.joined().reduce(0) { $0 + $1.size } }
  }

  struct Queue {
    /// By class and level.
    var flows: [[[Flow]]] = Array(repeating: Array(repeating: [], count: 9), count: 2)
    var servedStrangerLast = false

    /// Returns whether a new line need not wait. A line of a stranger waits for all lines, one of
    /// an established peer only for its class.
    func isEmpty(before isStranger: Bool) -> Bool {
      flows[0].joined().isEmpty && (!isStranger || flows[1].joined().isEmpty)
    }

    func holdsAsStranger(_ sender: Int) -> Bool {
      flows[1].joined().contains { $0.lines[sender] != nil }
    }

    private func place(of payer: String, _ isStranger: Bool) -> (level: Int, index: Int)? {
      for (level, list) in flows[isStranger ? 1 : 0].enumerated() {
        if let index = list.firstIndex(where: { $0.payer == payer }) { return (level, index) }
      }
      return nil
    }

    func holds(_ frame: String, of sender: Int) -> Bool {
      flows.joined().joined().contains { $0.lines[sender]?.contains { $0.frame == frame } == true }
    }

    mutating func raise(_ payer: String, _ isStranger: Bool, to level: Int) {
      guard let place = place(of: payer, isStranger) else { return }
      let row = isStranger ? 1 : 0
      flows[row][place.level][place.index].level = max(
        level, flows[row][place.level][place.index].level)
    }

    /// - Returns: false when the share of its flow is used up.
    mutating func add(_ line: Line, payer: String, isStranger: Bool, level: Int, room: Int) -> Bool
    {
      let row = isStranger ? 1 : 0
      guard let place = place(of: payer, isStranger) else {
        var flow = Flow(payer: payer, isStranger: isStranger, level: level)
        flow.lines[line.sender] = [line]
        flow.order = [line.sender]
        flows[row][level].append(flow)
        return true
      }
      var flow = flows[row][place.level][place.index]
      guard flow.size + line.size <= room else { return false }
      if flow.lines[line.sender] == nil { flow.order.append(line.sender) }
      flow.lines[line.sender, default: []].append(line)
      flow.level = level
      flows[row][place.level][place.index] = flow
      return true
    }

    mutating func pop(strangers: Bool) -> (Line, isStranger: Bool)? {
      let first = strangers && !servedStrangerLast
      for isStranger in [first, !first] where strangers || !isStranger {
        let row = isStranger ? 1 : 0
        // Flows in a list that is too low move first. Flows in debt skip a turn.
        while let level = flows[row].firstIndex(where: { !$0.isEmpty }),
          flows[row][level][0].level > level || flows[row][level][0].debt > 0
        {
          var flow = flows[row][level].removeFirst()
          if flow.level <= level { flow.debt -= 4_096 }
          flows[row][max(level, flow.level)].append(flow)
        }
        guard let level = flows[row].firstIndex(where: { !$0.isEmpty }) else { continue }
        var flow = flows[row][level].removeFirst()
        let sender = flow.order.removeFirst()
        guard var lines = flow.lines.removeValue(forKey: sender) else { return nil }
        let line = lines.removeFirst()
        flow.debt = max(0, flow.debt + line.size - 4_096)
        if !lines.isEmpty {
          flow.lines[sender] = lines
          flow.order.append(sender)
        }
        if !flow.order.isEmpty { flows[row][flow.level].append(flow) }
        servedStrangerLast = isStranger
        return (line, isStranger)
      }
      return nil
    }

    mutating func forget(_ sender: Int) {
      for row in 0..<2 {
        for level in 0..<9 {
          for index in flows[row][level].indices {
            flows[row][level][index].lines[sender] = nil
            flows[row][level][index].order.removeAll { $0 == sender }
          }
          flows[row][level].removeAll { $0.order.isEmpty }
        }
      }
    }
  }

  var lines = Queue()
  var requests = Queue()
  /// Deliveries a second and requests a minute; 0: no limit.
  var limits: (deliveries: Int64, requests: Int64) = (0, 0)
  var room = 256 << 10
  /// The buckets for all deliveries, strangers' deliveries, all requests, strangers' requests.
  private var buckets = Array(repeating: Bucket(saved: 0, at: 0), count: 4)

  mutating func limit(deliveries: Int64, requests: Int64, room: Int) {
    limits = (deliveries, requests)
    self.room = room
  }

  /// The cost of one token in nanoseconds, for each of `buckets`; 0: no limit.
  private var costs: [Int64] {
    let second = ReferenceDirectory.second
    return [
      limits.deliveries == 0 ? 0 : second / limits.deliveries,
      limits.deliveries == 0 ? 0 : second / (limits.deliveries * 3 / 4),
      limits.requests == 0 ? 0 : 60 * second / limits.requests,
      limits.requests == 0 ? 0 : 60 * second / (limits.requests * 3 / 4),
    ]
  }

  private func needs(isStranger: Bool, isRequest: Bool) -> [Int] {
    [0] + (isStranger ? [1] : []) + (isRequest ? [2] : []) + (isStranger && isRequest ? [3] : [])
  }

  func may(isStranger: Bool, isRequest: Bool, at now: Int64) -> Bool {
    needs(isStranger: isStranger, isRequest: isRequest).allSatisfy {
      let cost = costs[$0]
      let bucket = buckets[$0]
      return cost == 0 || min(cost, bucket.saved + now - bucket.at) >= cost
    }
  }

  mutating func spend(_ deliveries: Int, isStranger: Bool, isRequest: Bool, at now: Int64) {
    for place in needs(isStranger: isStranger, isRequest: isRequest) where costs[place] > 0 {
      let count = place < 2 ? deliveries : 1
      buckets[place].saved =
        min(costs[place], buckets[place].saved + now - buckets[place].at)
        - costs[place] * Int64(count)
      buckets[place].at = now
    }
  }
}

extension ReferenceDirectory {
  func isStranger(_ number: Int) -> Bool { peers[number].map(isStranger) ?? false }

  private func isStranger(_ peer: Peer) -> Bool {
    !peer.isVerified && !peer.isAddressed && now < peer.connectedAt + 180 * Self.second
  }

  private func rate(of kind: CircuitBudgets.Kind) -> (cost: Int64, burst: Int64) {
    func doubled(_ rate: (cost: Int64, burst: Int64)) -> (cost: Int64, burst: Int64) {
      (rate.cost / 2, rate.burst * 2)
    }
    let places = Int64(maxPerCircuit)
    return switch kind {
    case .frames: doubled(rates[0])
    case .publicLines: doubled(rates[1])
    case .publicBytes: doubled(bytesRate)
    case .orderbookRequests: doubled(rates[2])
    case .peerlists: doubled(rates[3])
    case .handshakes: (60 * Self.second / (4 * places), 4 * places)
    case .departures: (60 * Self.second / places, 2 * places)
    }
  }

  mutating func takeOf(_ circuit: Int, _ kind: CircuitBudgets.Kind, _ count: Int) -> Bool {
    let rate = rate(of: kind)
    let full = Bucket(saved: rate.cost * rate.burst, at: now)
    return circuitBuckets[circuit, default: [:]][kind, default: full].take(
      count, cost: rate.cost, burst: rate.burst, at: now)
  }

  private func level(_ peer: Peer, _ kind: CircuitBudgets.Kind, _ bucket: Int) -> Int {
    let bytes: Int
    if let circuit = peer.circuit {
      let rate = rate(of: .publicBytes)
      bytes =
        circuitBuckets[circuit]?[.publicBytes]?.used(cost: rate.cost, burst: rate.burst, at: now)
        ?? 0
    } else {
      bytes = peer.publicBytes.used(cost: bytesRate.cost, burst: bytesRate.burst, at: now)
    }
    if bytes > 8_192 { return 8 }
    let used: Int
    if let circuit = peer.circuit {
      let rate = rate(of: kind)
      used = circuitBuckets[circuit]?[kind]?.used(cost: rate.cost, burst: rate.burst, at: now) ?? 0
    } else {
      used = peer.buckets[bucket].used(
        cost: rates[bucket].cost, burst: rates[bucket].burst, at: now)
    }
    return (0..<7).first { used < 1 << $0 } ?? 7
  }

  private func deliveries(isRequest: Bool) -> Int {
    let makers = peers.values.count { $0.state == .present && $0.announced }
    return max(1, max(1, present.count - 1) + (isRequest ? 2 * makers : 0))
  }

  private func payer(_ peer: Peer, _ number: Int) -> String {
    peer.circuit.map { "circuit \($0)" } ?? "connection \(number)"
  }

  mutating func passOn(_ frame: String, _ number: Int, isRequest: Bool) {
    guard let peer = peers[number] else { return }
    let queue = isRequest ? publicLines.requests : publicLines.lines
    let isStranger = isStranger(peer) || queue.holdsAsStranger(number)
    if queue.isEmpty(before: isStranger),
      publicLines.may(isStranger: isStranger, isRequest: isRequest, at: now)
    {
      publicLines.spend(
        deliveries(isRequest: isRequest), isStranger: isStranger, isRequest: isRequest, at: now)
      return tellAll(frame, from: number)
    }
    let line = ReferencePublicLines.Line(frame: frame, sender: number, nick: peer.nick)
    let payer = payer(peer, number)
    if isRequest {
      if publicLines.requests.holds(frame, of: number) {
        publicLines.requests.raise(payer, isStranger, to: level(peer, .orderbookRequests, 2))
        return drop(.waitingAlready)
      }
      let isTaken = publicLines.requests.add(
        line, payer: payer, isStranger: isStranger, level: level(peer, .orderbookRequests, 2),
        room: publicLines.room)
      if !isTaken { drop(.fanoutQueue) }
    } else {
      let isTaken = publicLines.lines.add(
        line, payer: payer, isStranger: isStranger, level: level(peer, .publicLines, 1),
        room: publicLines.room)
      if !isTaken { drop(.fanoutQueue) }
    }
  }

  mutating func announceDeparture(of peer: Peer, _ number: Int) {
    let frame = DirectoryHarness.frame(789, peer.entry + ";D")
    let isStranger = isStranger(peer) || publicLines.lines.holdsAsStranger(number)
    let isWithin = peer.circuit.map { takeOf($0, .departures, 1) } ?? true
    if isWithin, publicLines.lines.isEmpty(before: isStranger),
      publicLines.may(isStranger: isStranger, isRequest: false, at: now)
    {
      publicLines.spend(
        deliveries(isRequest: false), isStranger: isStranger, isRequest: false, at: now)
      for other in present { send(frame, other, &received) }
      return
    }
    let isTaken = publicLines.lines.add(
      .init(frame: frame, sender: number, nick: peer.nick), payer: payer(peer, number),
      isStranger: isStranger, level: isWithin ? departureLevel(of: peer) : 7,
      room: publicLines.room)
    if !isTaken { drop(.fanoutQueue) }
  }

  private func departureLevel(of peer: Peer) -> Int {
    guard let circuit = peer.circuit else { return 1 }
    let rate = rate(of: .departures)
    let used =
      circuitBuckets[circuit]?[.departures]?.used(cost: rate.cost, burst: rate.burst, at: now) ?? 0
    return (0..<7).first { used < 1 << $0 } ?? 7
  }

  mutating func releasePublicLines() {
    for isRequest in [true, false] {
      while publicLines.may(isStranger: false, isRequest: isRequest, at: now) {
        let strangers = publicLines.may(isStranger: true, isRequest: isRequest, at: now)
        guard
          let (line, isStranger) = isRequest
            ? publicLines.requests.pop(strangers: strangers)
            : publicLines.lines.pop(strangers: strangers)
        else { break }
        if peers[line.sender] == nil, holder(line.nick) != nil { continue }
        publicLines.spend(
          deliveries(isRequest: isRequest), isStranger: isStranger, isRequest: isRequest, at: now)
        tellAll(line.frame, from: line.sender)
      }
    }
  }

  mutating func tellAll(_ frame: String, from number: Int) {
    for other in present where other != number && reads(frame, other) {
      send(frame, other, &received)
    }
  }
}
