/// The queue of public lines: the turns, the classes and levels, and the bounds.
import TestSupport
import Testing
import Units

@testable import Directory
@testable import Wire

@Suite("The fair queue")
struct FairQueueTests {
  private func flow(_ circuit: UInt32, isStranger: Bool = false) -> FairQueue.Flow {
    FairQueue.Flow(
      circuit: CircuitID(value: circuit), peer: PeerID(slot: 0, generation: 0),
      isStranger: isStranger)
  }

  private func line(_ name: String, of peer: Int32, size: Int = 0) -> FairQueue.Line {
    FairQueue.Line(
      frame: Array(name.utf8) + [UInt8](repeating: 120, count: size),
      sender: PeerID(slot: peer, generation: 0))
  }

  private func names(_ queue: inout FairQueue, strangers: Bool = true) -> [String] {
    var names: [String] = []
    while let served = queue.popFirst(strangers: strangers) {
      names.append(String(decoding: served.line.frame.prefix(2), as: UTF8.self))
    }
    return names
  }

  @Test("circuits are served in turn, inside a circuit its connections, each in order")
  func turns() {
    var queue = FairQueue()
    for (name, circuit, peer) in [
      ("a1", 1, 1), ("a2", 1, 1), ("a3", 1, 1), ("b1", 1, 2), ("c1", 2, 3), ("c2", 2, 3),
    ] {
      #expect(queue.add(line(name, of: Int32(peer)), to: flow(UInt32(circuit)), level: 2) == 0)
    }
    #expect(queue.count == 6 && queue.flowCount == 2)
    #expect(names(&queue) == ["a1", "c1", "b1", "c2", "a2", "a3"])
    #expect(queue.isEmpty && queue.bytes == 0 && queue.flowCount == 0)
  }

  @Test("a connection with an unknown circuit is a flow of its own")
  func withoutCircuit() {
    var queue = FairQueue()
    for peer in [Int32(1), 1, 2] {
      let flow = FairQueue.Flow(
        circuit: nil, peer: PeerID(slot: peer, generation: 0), isStranger: false)
      _ = queue.add(line("p\(peer)", of: peer), to: flow, level: 0)
    }
    #expect(names(&queue) == ["p1", "p2", "p1"])
  }

  @Test("a flow that has sent little goes first, and a flow that sends more moves back")
  func levels() {
    var queue = FairQueue()
    _ = queue.add(line("f1", of: 1), to: flow(1), level: 1)
    _ = queue.add(line("f2", of: 1), to: flow(1), level: 5)
    _ = queue.add(line("s1", of: 2), to: flow(2), level: 3)
    #expect(names(&queue) == ["s1", "f1", "f2"])
    #expect(
      [0, 1, 2, 3, 4, 7, 8, 64, 1_000].map(FairQueue.level(ofUsed:))
        == [0, 1, 2, 2, 3, 3, 4, 7, 7])
  }

  @Test("a line that is longer than a turn costs its flow several turns")
  func bytes() {
    var queue = FairQueue()
    for n in 1...3 {
      _ = queue.add(line("l\(n)", of: 1, size: 10_000), to: flow(1), level: 2)
      for more in 0..<3 { _ = queue.add(line("\(more)s", of: 2), to: flow(2), level: 2) }
    }
    #expect(
      names(&queue) == ["l1", "0s", "1s", "2s", "l2", "0s", "1s", "l3", "2s", "0s", "1s", "2s"])
  }

  @Test("flows that send much can be paused, and their own lines stay in order")
  func bulk() {
    var queue = FairQueue()
    _ = queue.add(line("f1", of: 1), to: flow(1), level: FairQueue.bulk)
    _ = queue.add(line("s1", of: 2), to: flow(2), level: 7)
    _ = queue.add(line("f2", of: 1), to: flow(1), level: 0)
    let first = queue.popFirst(strangers: true, bulk: false)
    #expect(first?.line.sender.slot == 2 && first?.isBulk == false)
    #expect(queue.popFirst(strangers: true, bulk: false) == nil)
    let second = queue.popFirst(strangers: true)
    #expect(second?.line.frame == Array("f1".utf8) && second?.isBulk == true)
    #expect(names(&queue) == ["f2"])
  }

  @Test("strangers and established peers alternate while both wait, and strangers can be paused")
  func classes() {
    var queue = FairQueue()
    for n in 1...3 {
      _ = queue.add(line("k\(n)", of: 1), to: flow(1), level: 7)
      _ = queue.add(line("s\(n)", of: 2), to: flow(2, isStranger: true), level: 0)
    }
    #expect(queue.popFirst(strangers: true)?.isStranger == true)
    #expect(queue.popFirst(strangers: true)?.isStranger == false)
    #expect(names(&queue, strangers: false) == ["k2", "k3"])
    #expect(names(&queue) == ["s2", "s3"])
  }

  @Test("a line over the share of its flow is dropped")
  func share() {
    var queue = FairQueue(FairQueue.Limits(capacity: .mebibytes(1), perFlow: ByteCount(1_000)))
    #expect(queue.add(line("a1", of: 1, size: 5_000), to: flow(1), level: 0) == 0)
    #expect(queue.add(line("a2", of: 1), to: flow(1), level: 0) == 1)
    #expect(queue.add(line("b1", of: 2), to: flow(2), level: 0) == 0)
    #expect(names(&queue) == ["a1", "b1"])
  }

  @Test("a full queue drops lines of the highest level, newest first, and stays within its limit")
  func capacity() {
    let size = 1_000 + 2 + FairQueue.overhead
    var queue = FairQueue(
      FairQueue.Limits(capacity: ByteCount(4 * size), perFlow: .mebibytes(1)))
    for n in 1...4 { _ = queue.add(line("f\(n)", of: 1, size: 1_000), to: flow(1), level: 6) }
    #expect(queue.bytes == 4 * size)
    #expect(queue.add(line("s1", of: 2, size: 1_000), to: flow(2), level: 1) == 1)
    #expect(queue.add(line("s2", of: 2, size: 1_000), to: flow(2), level: 1) == 1)
    #expect(queue.bytes == 4 * size)
    // At the same level, the new line is dropped.
    #expect(queue.add(line("x1", of: 3, size: 1_000), to: flow(3), level: 6) == 1)
    #expect(names(&queue) == ["s1", "s2", "f1", "f2"])
  }

  @Test("lines of a forgotten peer are removed, and its stale list entry is skipped")
  func forgetting() {
    var queue = FairQueue()
    _ = queue.add(line("a1", of: 1), to: flow(1), level: 0)
    _ = queue.add(line("b1", of: 2), to: flow(1), level: 0)
    _ = queue.add(line("c1", of: 3), to: flow(2), level: 0)
    queue.forget(PeerID(slot: 1, generation: 0), in: flow(1))
    queue.forget(PeerID(slot: 2, generation: 0), in: flow(1))
    #expect(queue.count == 1 && queue.flowCount == 1)
    _ = queue.add(line("d1", of: 4), to: flow(1), level: 0)
    _ = queue.add(line("d2", of: 4), to: flow(1), level: 0)
    #expect(names(&queue) == ["c1", "d1", "d2"])
    #expect(queue.bytes == 0)
  }

  @Test("random lines are served once each, and the totals are correct")
  func random() {
    var random = SplitMix64(seed: 7)
    var queue = FairQueue(FairQueue.Limits(capacity: ByteCount(20_000), perFlow: ByteCount(2_000)))
    var waiting = 0
    for step in 0..<20_000 {
      let peer = Int32(random.below(40))
      let flow = flow(UInt32(peer / 2), isStranger: peer % 3 == 0)
      switch random.below(5) {
      case 0: if queue.popFirst(strangers: random.below(2) == 0) != nil { waiting -= 1 }
      case 1 where step % 7 == 0:
        let before = queue.count
        queue.forget(PeerID(slot: peer, generation: 0), in: flow)
        waiting -= before - queue.count
      default:
        let line = line("x", of: peer, size: random.below(600))
        waiting += 1 - queue.add(line, to: flow, level: random.below(9))
      }
      #expect(queue.count == waiting && queue.bytes <= 20_000)
      #expect(queue.isEmpty == (queue.flowCount == 0))
    }
    while queue.popFirst(strangers: true) != nil { waiting -= 1 }
    #expect(waiting == 0 && queue.bytes == 0 && queue.flowCount == 0)
  }
}
