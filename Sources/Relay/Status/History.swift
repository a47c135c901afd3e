import EventLoop
import Server

/// What the page's plots show: the last hour in steps of 10 s and the last week in steps of 10 min, in memory, of a fixed size
/// (about 110 KB), and gone with the process. Nothing in it is about a single peer.
///
/// `StatusEndpoint` has it sample; whoever asks for it gets it in parts.
struct History {
  /// One step: states at its end, and what happened in it.
  struct Sample: Equatable {
    package var peers: Int32 = 0
    package var pending: Int32 = 0
    /// Bytes that peers have not read.
    package var backlog: Int = 0
    package var deliveries: Int = 0
    package var bytesOut: Int = 0
    var opened: Int32 = 0
    package var closed: Int32 = 0
    package var dropped: Int32 = 0
    /// The worst loop lag, in microseconds.
    package var lag: Int32 = 0

    /// Several steps as one: the states of the last, the sums of what happened, the worst lag and backlog.
    static func merged(_ samples: some Collection<Sample>) -> Sample {
      samples.reduce(into: Sample()) { sum, sample in
        sum.peers = sample.peers
        sum.pending = sample.pending
        sum.backlog = max(sum.backlog, sample.backlog)
        sum.deliveries += sample.deliveries
        sum.bytesOut += sample.bytesOut
        sum.opened &+= sample.opened
        sum.closed &+= sample.closed
        sum.dropped &+= sample.dropped
        sum.lag = max(sum.lag, sample.lag)
      }
    }
  }

  /// The last so many samples, oldest first.
  struct Ring {
    package let capacity: Int
    private var samples: ContiguousArray<Sample> = []
    private var next = 0

    package init(capacity: Int) {
      self.capacity = capacity
      samples.reserveCapacity(capacity)
    }

    package var count: Int { samples.count }

    package mutating func append(_ sample: Sample) {
      if samples.count < capacity {
        samples.append(sample)
      } else {
        samples[next] = sample
      }
      next = (next + 1) % capacity
    }

    /// The sample in this place, the oldest being 0.
    package subscript(place: Int) -> Sample {
      samples[samples.count < capacity ? place : (next + place) % capacity]
    }
  }

  package static let step = Duration.seconds(10)
  /// Steps of the hour that make one of the week.
  static let stepsPerLongStep = 60

  private(set) var hour = Ring(capacity: 360)
  private(set) var week = Ring(capacity: 1_008)
  private var untilLongStep: [Sample] = []

  package mutating func add(_ sample: Sample) {
    hour.append(sample)
    untilLongStep.append(sample)
    guard untilLongStep.count == Self.stepsPerLongStep else { return }
    week.append(Sample.merged(untilLongStep))
    untilLongStep.removeAll(keepingCapacity: true)
  }
}

/// Takes the samples: the difference of two readings of the counters, every ten seconds.
package final class HistoryRecorder {
  private struct Totals {
    var deliveries = 0
    var bytesOut = 0
    var opened = 0
    var closed = 0
    var dropped = 0

    init() {}

    init(of node: DirectoryNode) {
      deliveries = node.outbox.deliveries
      bytesOut = node.outbox.bytesOut
      opened = node.directory.counters.connectionsOpened
      closed = node.directory.counters.closed.total
      dropped = node.directory.counters.dropped.total + node.outbox.withheldLongFrames
    }
  }

  private let status: RelayStatus
  private var node: DirectoryNode { status.node }
  private var timer: Timer?
  private var last: Totals
  private(set) var history = History()
  /// The lag's histogram at the last samples, oldest first.
  private var lagCounts: [[Int]] = []

  /// Samples that make the ten minutes of `lagP99`.
  static let lagSamples = 60

  package init(for status: RelayStatus) {
    self.status = status
    last = Totals(of: status.node)
    timer = Timer(on: status.node.loop) { [unowned self] in sample() }
    timer?.scheduleRepeating(every: History.step)
  }

  func sample() {
    let totals = Totals(of: node)
    history.add(
      History.Sample(
        peers: Int32(clamping: status.peerCount),
        pending: Int32(clamping: node.directory.registry.pendingCount),
        backlog: node.backlogs.total,
        deliveries: totals.deliveries - last.deliveries,
        bytesOut: totals.bytesOut - last.bytesOut,
        opened: Int32(clamping: totals.opened - last.opened),
        closed: Int32(clamping: totals.closed - last.closed),
        dropped: Int32(clamping: totals.dropped - last.dropped),
        lag: Int32(clamping: node.lag.maxSinceSample.nanoseconds / 1_000)))
    node.lag.maxSinceSample = .zero
    last = totals
    if lagCounts.count == Self.lagSamples { lagCounts.removeFirst() }
    lagCounts.append(node.lag.counts)
  }

  /// 99 of 100 ticks of the last ten minutes came at most so late: the upper bound of a bucket of the histogram, or the worst ever.
  package var lagP99: Duration {
    let before = lagCounts.first ?? [Int](repeating: 0, count: node.lag.counts.count)
    let counts = zip(node.lag.counts, before).map { $0 - $1 }
    let total = counts.reduce(0, +)
    var seen = 0
    for (count, bound) in zip(counts, LoopLag.bounds) {
      seen += count
      if seen * 100 >= total * 99 { return min(bound, node.lag.worst) }
    }
    return node.lag.worst
  }
}
