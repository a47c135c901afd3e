import DequeModule
import Units
import Wire

/// The queue of public lines that wait for the fan-out budget. No circuit delays the lines of
/// another.
///
/// A flow is the queued lines of one circuit, or of one connection whose circuit is unknown. Flows
/// are served in turn, one line each, and so are the connections inside a flow. A line longer than
/// `quantum` costs its flow several turns (deficit round robin). Two priorities apply first:
/// - class: strangers and established peers are served alternately while both wait;
/// - level: how much the flow has sent recently. A lower level is served first, so that a flow with
///   one line does not wait behind flows that send all the time. The highest level, `bulk`, has
///   flows that have sent many bytes recently; it may be paused.
///
/// Memory is bounded: lines over the share of a flow are dropped from that flow. Lines over
/// `capacity` are dropped from a flow of the highest level.
package struct FairQueue {
  struct Line {
    /// The frame with its terminator: a line of the sender, or its `D` entry when it has left.
    let frame: [UInt8]
    let sender: PeerID
    /// The sender's.
    var nick = Nick.nobody
    /// Of the frame.
    var type = MessageType.pubmsg

    /// The bytes that count towards the limits: those of the frame and `overhead`.
    var size: Int { frame.count + FairQueue.overhead }
  }

  package struct Limits: Equatable, Sendable {
    var capacity = ByteCount.mebibytes(8)
    var perFlow = ByteCount.kibibytes(256)
  }

  /// The bytes that a queued line takes beyond its own: the array header, its queue entry and the
  /// allocator's rounding.
  static let overhead = 80
  static let levels = 9
  static let bulk = levels - 1
  /// A flow that has sent more bytes of public lines than this recently is `bulk`.
  static let bulkBytes = 8 << 10
  /// The bytes that a flow may send in its turn.
  static let quantum = 4 << 10

  fileprivate struct Waiting {
    /// One queue for each connection; none is empty.
    var queues: Deque<(peer: PeerID, lines: Deque<Line>)> = []
    var bytes = 0
    /// The level of its newest line. A flow in a list that is too low moves when its turn comes, a
    /// flow in a list that is too high after it was served.
    var level = 0
    /// The bytes that it was sent beyond its turns. It skips one turn for each `quantum`.
    var debt = 0
    /// The number of its current entry in `lists`. Entries with other numbers are stale.
    var ticket: UInt64 = 0
  }

  private var flows: [Flow: Waiting] = [:]
  private struct Entry {
    let flow: Flow
    let ticket: UInt64
  }

  /// By class and level, in the order of service. Stale entries are skipped.
  private var lists: [[Deque<Entry>]] = Array(
    repeating: Array(repeating: [], count: FairQueue.levels), count: 2)
  private var lastTicket: UInt64 = 0
  private var servedStrangerLast = false

  private(set) var count = 0
  /// Those of peers that are no strangers.
  private var othersCount = 0
  /// The queued bytes, `overhead` included.
  private(set) var bytes = 0
  var limits: Limits

  init(_ limits: Limits = Limits()) { self.limits = limits }

  var isEmpty: Bool { count == 0 }

  /// Whether nothing waits before a line of such a peer: the lines of strangers do not.
  func isEmpty(before isStranger: Bool) -> Bool { isStranger ? isEmpty : othersCount == 0 }

  /// Whether this peer has lines in this flow.
  func holds(_ peer: PeerID, in flow: Flow) -> Bool {
    flows[flow]?.queues.contains { $0.peer == peer } == true
  }

  /// All queued lines: flows in the order of their lists, the lines of a connection in their order.
  /// Adding them to an empty queue gives a queue with the same promised order.
  var waiting: [(line: Line, flow: Flow, level: Int)] {
    flows.sorted { $0.value.ticket < $1.value.ticket }.flatMap { flow, waiting in
      waiting.queues.flatMap(\.lines).map { ($0, flow, waiting.level) }
    }
  }

  var flowCount: Int { flows.count }

  /// - Parameter level: how much the flow has sent recently, from `level(ofUsed:)`.
  /// - Returns: the number of lines that were dropped for lack of room, this one included.
  mutating func add(_ line: Line, to flow: Flow, level: Int) -> Int {
    let held = flows[flow]?.bytes ?? 0
    // One line always fits the share of its flow.
    guard held == 0 || held + line.size <= limits.perFlow.bytes else { return 1 }
    var dropped = 0
    while bytes + line.size > limits.capacity.bytes, !isEmpty {
      guard let victim = lastOfHighest(above: level, except: flow) else { return dropped + 1 }
      dropNewest(of: victim)
      dropped += 1
    }
    let isNew = held == 0
    flows[flow, default: Waiting()].add(line, level: min(level, Self.levels - 1))
    note(1, line.size, of: flow)
    if isNew { list(flow, at: flows[flow]?.level ?? level) }
    return dropped
  }

  /// Whether this peer has exactly this frame queued. A second copy would be useless.
  func holds(_ frame: ByteView, of peer: PeerID, in flow: Flow) -> Bool {
    guard let queue = flows[flow]?.queues.first(where: { $0.peer == peer }) else { return false }
    return queue.lines.contains { line in
      line.frame.count == frame.count + 2
        && line.frame.withView { $0.part(0..<frame.count).elementsEqual(frame) }
    }
  }

  /// Raises the level of a queued flow.
  mutating func raise(_ flow: Flow, to level: Int) {
    guard let old = flows[flow]?.level else { return }
    flows[flow]?.level = min(max(old, level), Self.levels - 1)
  }

  /// Removes and returns the line whose turn it is.
  /// - Parameters:
  ///   - strangers: whether lines of strangers may be taken.
  ///   - bulk: whether lines of the highest level may be taken.
  mutating func popFirst(strangers: Bool, bulk: Bool = true) -> Served? {
    let first = strangers && !servedStrangerLast
    let highest = bulk ? Self.bulk : Self.bulk - 1
    for isStranger in [first, !first] where strangers || !isStranger {
      if let (line, level) = pop(strangers: isStranger, upTo: highest) {
        servedStrangerLast = isStranger
        return Served(line: line, isStranger: isStranger, isBulk: level == Self.bulk)
      }
    }
    return nil
  }

  /// A line whose turn has come, and the budgets that pay for it.
  struct Served {
    let line: Line
    let isStranger: Bool
    let isBulk: Bool
  }

  /// Removes all lines of a peer.
  mutating func forget(_ peer: PeerID, in flow: Flow) {
    guard let place = flows[flow]?.queues.firstIndex(where: { $0.peer == peer }),
      let removed = flows[flow]?.queues.remove(at: place)
    else { return }
    let size = removed.lines.reduce(0) { $0 + $1.size }
    flows[flow]?.bytes -= size
    note(-removed.lines.count, -size, of: flow)
    if flows[flow]?.queues.isEmpty == true { flows[flow] = nil }
  }

  /// The level of a flow that has used so many tokens of its bucket: 0 for none, one more for each
  /// doubling.
  static func level(ofUsed tokens: Int) -> Int {
    min(bulk - 1, Int.bitWidth - max(0, tokens).leadingZeroBitCount)
  }

  private mutating func note(_ lines: Int, _ bytes: Int, of flow: Flow) {
    count += lines
    if !flow.isStranger { othersCount += lines }
    self.bytes += bytes
  }

  // MARK: Service

  private mutating func pop(strangers: Bool, upTo highest: Int) -> (Line, level: Int)? {
    let place = strangers ? 1 : 0
    for level in 0...highest {
      while let entry = lists[place][level].popFirst() {
        guard let waiting = flows[entry.flow], waiting.ticket == entry.ticket else { continue }
        if waiting.level > level {
          list(entry.flow, at: waiting.level)
        } else if waiting.debt > 0 {
          flows[entry.flow]?.debt -= Self.quantum
          list(entry.flow, at: level)
        } else if let line = serve(entry.flow) {
          return (line, level)
        }
      }
    }
    return nil
  }

  private mutating func serve(_ flow: Flow) -> Line? {
    guard let line = flows[flow]?.takeNext() else { return nil }
    note(-1, -line.size, of: flow)
    flows[flow]?.debt += line.size - Self.quantum
    if flows[flow]?.debt ?? 0 < 0 { flows[flow]?.debt = 0 }
    if let waiting = flows[flow], !waiting.queues.isEmpty {
      list(flow, at: waiting.level)
    } else {
      flows[flow] = nil
    }
    return line
  }

  private mutating func list(_ flow: Flow, at level: Int) {
    lastTicket += 1
    flows[flow]?.ticket = lastTicket
    lists[flow.isStranger ? 1 : 0][level].append(Entry(flow: flow, ticket: lastTicket))
  }

  // MARK: Room

  private mutating func lastOfHighest(above level: Int, except flow: Flow) -> Flow? {
    for candidate in stride(from: Self.levels - 1, to: level, by: -1) {
      for place in [1, 0] {
        while let last = lists[place][candidate].last {
          guard flows[last.flow]?.ticket == last.ticket else {
            lists[place][candidate].removeLast()
            continue
          }
          if last.flow != flow { return last.flow }
          break
        }
      }
    }
    return nil
  }

  private mutating func dropNewest(of flow: Flow) {
    guard let line = flows[flow]?.takeNewest() else { return }
    note(-1, -line.size, of: flow)
    if flows[flow]?.queues.isEmpty == true { flows[flow] = nil }
  }
}

extension FairQueue.Waiting {
  fileprivate mutating func add(_ line: FairQueue.Line, level: Int) {
    if let place = queues.firstIndex(where: { $0.peer == line.sender }) {
      queues[place].lines.append(line)
    } else {
      queues.append((line.sender, [line]))
    }
    bytes += line.size
    self.level = level
  }

  /// Moves the connection that was served behind the others.
  fileprivate mutating func takeNext() -> FairQueue.Line? {
    guard var queue = queues.popFirst(), let line = queue.lines.popFirst() else { return nil }
    if !queue.lines.isEmpty { queues.append(queue) }
    bytes -= line.size
    return line
  }

  fileprivate mutating func takeNewest() -> FairQueue.Line? {
    guard var queue = queues.popLast(), let line = queue.lines.popLast() else { return nil }
    if !queue.lines.isEmpty { queues.append(queue) }
    bytes -= line.size
    return line
  }
}
