/// The history of an hour, a day and a week that the page plots.
import Foundation
import Testing

@testable import Directory
@testable import EventLoop
@testable import Identity
@testable import Server
@testable import Settings
@testable import Status
@testable import Units

@Suite("History")
struct HistoryTests {
  func sample(_ number: Int) -> History.Sample {
    History.Sample(
      peers: Int32(number), backlog: number, deliveries: number, closed: 1, lag: Int32(number % 7))
  }

  @Test("a ring keeps the last samples, oldest first")
  func ring() {
    var ring = History.Ring(capacity: 3, step: .seconds(10))
    for number in 1...5 { ring.append(sample(number), at: Double(number)) }
    #expect(ring.end == 5)
    #expect(ring.count == 3)
    #expect((0..<3).map { ring[$0].deliveries } == [3, 4, 5])
  }

  @Test("12 steps of the hour make one of the day, 60 one of the week: sums, maxima, last states")
  func merging() {
    var history = History()
    for number in 1...61 { history.add(sample(number), at: Double(number)) }
    #expect(history.hour.count == 61 && history.day.count == 5 && history.week.count == 1)
    #expect(history.day[0].deliveries == 12 * 13 / 2 && history.day[4].peers == 60)
    #expect(history.hour.end == 61 && history.day.end == 60 && history.week.end == 60)
    let step = history.week[0]
    #expect(step.deliveries == 60 * 61 / 2 && step.closed == 60)
    #expect(step.peers == 60 && step.backlog == 60 && step.lag == 6)
  }

  @Test("after two weeks it holds an hour, a day and a week and no more")
  func bounds() {
    var history = History()
    for number in 0..<(14 * 8_640) { history.add(sample(number), at: Double(number)) }
    #expect(history.hour.count == 360 && history.day.count == 720 && history.week.count == 1_008)
    for (range, length) in [(History.Range.hour, 3_600), (.day, 86_400), (.week, 604_800)] {
      let ring = history[range]
      #expect(ring.step * ring.capacity == .seconds(length))
    }
    #expect(history.hour[359].deliveries == 14 * 8_640 - 1)
  }

  @Test("it is written a column at a time, and is valid JSON, empty or not")
  func writing() throws {
    var history = History()
    for count in [0, 3] {
      for number in 0..<count { history.add(sample(number), at: 1_700_000_000.5) }
      let writer = HistoryWriter(history[.hour])
      var bytes: [UInt8] = []
      var parts = 0
      while let part = writer.next() {
        bytes += part
        parts += 1
      }
      #expect(parts > 5)
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
      #expect(object["step_seconds"] as? Int == 10)
      #expect(object["end"] as? Double == (count == 0 ? 0 : 1_700_000_000.5))
      #expect(object["deliveries"] as? [Int] == Array(0..<count))
    }
  }

  @Test("a sample counts the events since the last one")
  func differences() throws {
    let node = DirectoryNode(
      loop: try EventLoop(), settings: Settings(), nick: RelayIdentity.generate())
    let recorder = HistoryRecorder(for: RelayStatus(of: node))
    var actions = Actions()
    for step in 1...2 {
      for _ in 0..<step {
        let id = try #require(node.directory.connect(at: node.loop.now, into: &node.actions))
        node.directory.leave(id, .peerClosed, into: &actions)
      }
      recorder.sample()
    }
    #expect((0..<2).map { recorder.history.hour[$0].opened } == [1, 2])
    #expect((0..<2).map { recorder.history.hour[$0].closed } == [1, 2])
  }

  @Test("the 99th percentile of the lag is a bucket's bound, but never above the largest lag")
  func percentile() throws {
    let node = DirectoryNode(
      loop: try EventLoop(), settings: Settings(), nick: RelayIdentity.generate())
    let recorder = HistoryRecorder(for: RelayStatus(of: node))
    var now = Instant(nanoseconds: 0)
    func tick(late: Duration) {
      node.lag.expectTick(at: now)
      now = now + late
      node.lag.tick(at: now, next: now)
    }
    for _ in 0..<990 { tick(late: .milliseconds(15)) }
    for _ in 0..<9 { tick(late: .milliseconds(800)) }
    #expect(recorder.lagP99 == .milliseconds(20))
    for _ in 0..<9 { tick(late: .milliseconds(800)) }
    #expect(recorder.lagP99 == .milliseconds(800))
  }
}
