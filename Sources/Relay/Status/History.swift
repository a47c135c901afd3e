import Directory
import EventLoop
import Server
import Units

/// The data of the page's plots: the last hour in steps of 10 s, the last day in steps of 2 min and
/// the last week in steps of 10 min. It is in memory only and has a fixed size (2,088 samples of
/// 104 bytes, 217 KB). Nothing in it is about a single peer.
///
/// `StatusEndpoint` takes the samples; clients get them in parts.
struct History {
  /// One step: states at its end and totals of the step.
  struct Sample: Equatable {
    package var peers: Int32 = 0
    /// Peers with offers.
    package var makers: Int32 = 0
    package var pending: Int32 = 0
    /// Bytes that peers have not read.
    package var backlog: Int = 0
    package var slowReaders: Int32 = 0
    /// Limits in force.
    package var limiting: Int32 = 0
    /// Frames from peers.
    package var received: Int = 0
    package var deliveries: Int = 0
    package var bytesOut: Int = 0
    var opened: Int32 = 0
    package var closed: Int32 = 0
    package var dropped: Int32 = 0
    /// The largest loop lag, in microseconds.
    package var lag: Int32 = 0
    /// Resident bytes.
    package var memory: Int = 0
    /// CPU time in this step, in microseconds.
    package var cpu: Int32 = 0
    package var descriptors: Int32 = 0

    /// Merges several steps: the states of the last one, the sums of totals, and the maximum of
    /// figures that show pressure.
    static func merged(_ samples: some Collection<Sample>) -> Sample {
      samples.reduce(into: Sample()) { sum, sample in
        sum.peers = sample.peers
        sum.makers = sample.makers
        sum.pending = sample.pending
        sum.backlog = max(sum.backlog, sample.backlog)
        sum.slowReaders = max(sum.slowReaders, sample.slowReaders)
        sum.limiting = max(sum.limiting, sample.limiting)
        sum.received += sample.received
        sum.deliveries += sample.deliveries
        sum.bytesOut += sample.bytesOut
        sum.opened &+= sample.opened
        sum.closed &+= sample.closed
        sum.dropped &+= sample.dropped
        sum.lag = max(sum.lag, sample.lag)
        sum.memory = max(sum.memory, sample.memory)
        sum.cpu &+= sample.cpu
        sum.descriptors = max(sum.descriptors, sample.descriptors)
      }
    }
  }

  /// The last `capacity` samples, oldest first.
  struct Ring {
    package let capacity: Int
    package let step: Duration
    /// When the newest sample was taken, in seconds since 1970.
    package private(set) var end: Double = 0
    private var samples: ContiguousArray<Sample> = []
    private var next = 0

    package init(capacity: Int, step: Duration) {
      self.capacity = capacity
      self.step = step
      samples.reserveCapacity(capacity)
    }

    package var count: Int { samples.count }

    package mutating func append(_ sample: Sample, at time: Double) {
      if samples.count < capacity {
        samples.append(sample)
      } else {
        samples[next] = sample
      }
      next = (next + 1) % capacity
      end = time
    }

    /// Returns the sample at this position; the oldest has 0.
    package subscript(place: Int) -> Sample {
      samples[samples.count < capacity ? place : (next + place) % capacity]
    }
  }

  /// The histories; the raw value is the query of /history.json.
  package enum Range: String {
    case hour, day, week
  }

  package static let step = Duration.seconds(10)
  /// Steps of the hour that make one of the day, and steps of the day that make one of the week.
  private static let stepsPerDayStep = 12
  private static let dayStepsPerWeekStep = 5

  private(set) var hour = Ring(capacity: 360, step: step)
  private(set) var day = Ring(capacity: 720, step: step * stepsPerDayStep)
  private(set) var week = Ring(
    capacity: 1_008, step: step * stepsPerDayStep * dayStepsPerWeekStep)
  private var untilDayStep: [Sample] = []
  private var untilWeekStep: [Sample] = []

  package subscript(range: Range) -> Ring {
    switch range {
    case .hour: hour
    case .day: day
    case .week: week
    }
  }

  /// - Parameter time: in seconds since 1970.
  package mutating func add(_ sample: Sample, at time: Double) {
    hour.append(sample, at: time)
    untilDayStep.append(sample)
    guard untilDayStep.count == Self.stepsPerDayStep else { return }
    let dayStep = Sample.merged(untilDayStep)
    untilDayStep.removeAll(keepingCapacity: true)
    day.append(dayStep, at: time)
    untilWeekStep.append(dayStep)
    guard untilWeekStep.count == Self.dayStepsPerWeekStep else { return }
    week.append(Sample.merged(untilWeekStep), at: time)
    untilWeekStep.removeAll(keepingCapacity: true)
  }
}

/// Takes a sample every ten seconds: the difference of two readings of the counters.
package final class HistoryRecorder {
  private struct Totals {
    var received = 0
    var deliveries = 0
    var bytesOut = 0
    var opened = 0
    var closed = 0
    var dropped = 0
    var cpuSeconds = 0.0

    init() {}

    init(of node: DirectoryNode) {
      received = node.directory.counters.received.total.frames
      deliveries = node.outbox.deliveries
      bytesOut = node.outbox.bytesOut
      opened = node.directory.counters.connectionsOpened
      closed = node.directory.counters.closed.total
      dropped = node.directory.counters.dropped.total + node.outbox.withheldLongFrames
      cpuSeconds = ProcessFigures.cpuSeconds
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
    let counts = status.peerCounts
    _ = status.stateSince
    history.add(
      History.Sample(
        peers: Int32(clamping: counts.active + counts.passive),
        makers: Int32(clamping: counts.peersWithOffers),
        pending: Int32(clamping: node.directory.registry.pendingCount),
        backlog: node.backlogs.total,
        slowReaders: Int32(clamping: node.backlogs.slowCount),
        limiting: Int32(clamping: status.limitsInForce.count),
        received: totals.received - last.received,
        deliveries: totals.deliveries - last.deliveries,
        bytesOut: totals.bytesOut - last.bytesOut,
        opened: Int32(clamping: totals.opened - last.opened),
        closed: Int32(clamping: totals.closed - last.closed),
        dropped: Int32(clamping: totals.dropped - last.dropped),
        lag: Int32(clamping: node.lag.maxSinceSample.nanoseconds / 1_000),
        memory: ProcessFigures.residentBytes ?? 0,
        cpu: Int32(clamping: Int((totals.cpuSeconds - last.cpuSeconds) * 1e6)),
        descriptors: Int32(clamping: status.openDescriptors)),
      at: ProcessFigures.wallClock)
    node.lag.maxSinceSample = .zero
    last = totals
    if lagCounts.count == Self.lagSamples { lagCounts.removeFirst() }
    lagCounts.append(node.lag.counts)
  }

  /// The 99th percentile of the loop lag of the last ten minutes: the upper bound of a bucket of
  /// the histogram, or the largest lag ever.
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
