import Directory
import EventLoop
import Logging
import Settings
import Units
import Wire

/// The running relay: it connects the sockets with the directory, on one event loop.
///
/// In a turn, sessions read and hand lines to the node. The node hands them to the directory and
/// performs its actions at once, mostly by queueing frames in the outbox. At the end of the turn
/// the node flushes the outbox and closes sessions that failed or whose backlog is too large.
/// Deferred work continues in the next turn. Extensions handle input, actions, closing, peerlists
/// and stopping.
package final class DirectoryNode {
  package let loop: EventLoop
  package let log: Logger
  package let directory: Directory
  package private(set) var settings: Settings
  package let acceptGate: AcceptGate
  /// One value for each of the gate's listeners, in the order in which they were added.
  package internal(set) var listenerStates: [NodeListener] = []
  package let outbox = Outbox()
  package internal(set) var backlogs = Backlogs()
  package internal(set) var sessions = SessionTable()
  package internal(set) var peerlists = PeerlistSender()
  var deferred = DeferredReads()
  var budget = TurnBudget()
  var decoder: FrameDecoder
  package var actions = Actions()
  var heapTrimmer = HeapTrimmer()

  private var turnEnd: TurnEnd?
  private(set) var nextTurn: Timer?
  private var tickTimer: Timer?
  var probeWatch = ProbeWatch()
  package private(set) var limitsInForce = LimitsInForce()
  private var releaseTimer: Timer?
  private var isReleaseScheduled = false
  /// In the time of the system's clock.
  package let startedAt: Instant
  /// Called at each tick, about twice a second.
  package var onTick: () -> Void = {}
  package var lag = LoopLag()
  private var load = ProcessLoad()
  /// Bytes of whole lines received from peers.
  package internal(set) var bytesIn = 0
  package var proxyMismatches = ProxyMismatches()

  /// A shorter interval costs more CPU while peers are idle.
  static let tickInterval = Duration.milliseconds(500)
  /// With the default `FANOUT_RATE_LIMIT` this is 2,000 deliveries.
  static let releaseInterval = Duration.milliseconds(20)
  /// The loop lag above which the fan-out budget narrows.
  static let lagThatNarrows = Duration.milliseconds(50)
  /// The time for which a closed connection may linger until its last bytes are read.
  static let lingerTime = Duration.seconds(5)

  package init(loop: EventLoop, settings: Settings, nick: Nick) {
    self.loop = loop
    self.settings = settings
    log = Logger(label: "relay")
    loop.expectTicks()
    startedAt = loop.systemNow
    acceptGate = AcceptGate(loop: loop, log: log)
    decoder = FrameDecoder(maxNesting: settings.maxNesting)
    directory = Directory(
      identity: Directory.Identity(
        nick: nick, network: settings.network, location: settings.ownLocation,
        allowsClearnet: settings.allowsClearnet,
        motd: settings.fullMotd),
      limits: Limits(settings), at: loop.now)
    backlogs.limits = Backlogs.Limits(settings)
    turnEnd = TurnEnd(on: loop) { [unowned self] in endTurn() }
    nextTurn = Timer(on: loop) { [unowned self] in beginTurn() }
    tickTimer = Timer(on: loop) { [unowned self] in tick() }
    tickTimer?.scheduleRepeating(every: Self.tickInterval)
    releaseTimer = Timer(on: loop) { [unowned self] in releasePublicLines() }
    lag.expectTick(at: startedAt + Self.tickInterval)
  }

  /// The longest accepted line, in bytes without its terminator.
  var lineLimit: Int { settings.maxLineLength.bytes }

  /// The number of all connections, lingering ones included.
  package var connectionCount: Int { directory.registry.connectionCount + sessions.lingeringCount }

  /// Applies new limits and texts at once.
  package func apply(_ settings: Settings) {
    self.settings = settings
    directory.limits = Limits(settings)
    directory.identity.motd = settings.fullMotd
    backlogs.limits = Backlogs.Limits(settings)
  }

  /// Owns an accepted socket from now on.
  /// - Parameter listener: the position of its listener.
  package func accept(_ socket: consuming Descriptor, from listener: Int = 0) {
    let start = loop.systemNow
    take(socket, from: listener)
    spendOnNewConnections(since: start)
  }

  private func take(_ socket: consuming Descriptor, from listener: Int) {
    if listener < listenerStates.count { listenerStates[listener].connectionsOpened += 1 }
    if connectionCount + 1 >= acceptGate.limit { makeRoom() }
    let id = directory.connect(at: loop.coarseNow, into: &actions)
    perform()
    guard let id else {
      return socket.sendAndClose(directory.refusePending())
    }
    let session = Session(
      on: loop, adopting: socket, id: id, node: self,
      listener: listener, expectsProxyLine: hasProxyLine(listener))
    sessions.insert(session)
    session.startReading()
    acceptGate.accepted(connections: connectionCount)
  }

  /// Evicts a connection because descriptors run short.
  private func makeRoom() {
    directory.makeRoom(at: loop.coarseNow, into: &actions)
    perform()
  }

  // MARK: Turns

  /// Flushes the outbox at the end of this turn.
  func scheduleTurnEnd() { turnEnd?.activate() }

  func endTurn() {
    budget.refillReads()
    readAdmitted()
    flush()
    closePending()
    // Closing queues `D` entries, which are flushed in the same turn.
    if !outbox.isEmpty { flush() }
    if sessions.hasClosing { scheduleTurnEnd() }
    if peerlists.canGoOn { nextTurn?.schedule(after: .zero) }
  }

  /// Continues deferred work.
  private func beginTurn() {
    budget.refillProofs()
    readPostponed()
    readDeferredFresh()
    readBusy()
    sendMore()
    continuePeerlists()
  }

  /// Sends broadcasts to the next portion of subscribers.
  func sendMore() {
    guard outbox.isSending else { return }
    let now = loop.coarseNow
    outbox.sendMore { session, outcome in account(outcome, of: session, at: now) }
    noteSending()
    if sessions.hasClosing { scheduleTurnEnd() }
  }

  private func noteSending() {
    holdPublicLines()
    directory.publicLines.isSending = outbox.isSending
    if outbox.isSending { nextTurn?.schedule(after: .zero) }
  }

  private func holdPublicLines() {
    directory.publicLines.held = backlogs.held(readers: outbox.subscribers.count)
  }

  func flush() {
    let now = loop.coarseNow
    outbox.flush { session, outcome in account(outcome, of: session, at: now) }
    noteSending()
    if !probeWatch.isEmpty { probeWatch.noteFlush { sessions[$0]?.handedCount } }
  }

  /// Restarts the time for an answer of peers that are still reading towards their probe.
  private func lookAtProbes(_ now: Instant) {
    guard !probeWatch.isEmpty else { return }
    let waiting = probeWatch.look(at: now) { id in
      sessions[id].map { ProbeWatch.Figures(handed: $0.handedCount, unsent: $0.unsentCount) }
    }
    for id in waiting { directory.noteReading(id, at: now) }
  }

  /// Delivers queued public lines in small portions, so that private lines are sent in between.
  func scheduleRelease() {
    guard !isReleaseScheduled, !directory.publicLines.isEmpty else { return }
    isReleaseScheduled = true
    releaseTimer?.schedule(after: Self.releaseInterval)
  }

  private func releasePublicLines() {
    isReleaseScheduled = false
    directory.releasePublicLines(at: loop.now, into: &actions)
    perform()
    scheduleRelease()
  }

  private func noteLimits(_ now: Instant) {
    for change in limitsInForce.update(directory, at: now) {
      var metadata: Logger.Metadata = ["kind": "\(change.kind.rawValue)"]
      if let ended = change.ended { metadata["seconds"] = "\(Int(ended.seconds))" }
      log.info(
        change.ended == nil ? "a limit is in force" : "a limit is no longer in force",
        metadata: metadata)
    }
  }

  /// Returns the load that adjusts the fan-out budget.
  private var pressure: FanOutBudget.Pressure {
    // If other processes use the CPU, less work would not reduce the lag.
    if lag.last > Self.lagThatNarrows, load.isHigh { return .loopLag }
    return backlogs.isOverShare ? .backlogs : .none
  }

  private func tick() {
    let now = loop.now
    let systemNow = loop.systemNow
    lag.tick(at: systemNow, next: systemNow + Self.tickInterval)
    load.tick(at: systemNow, used: ProcessCalls.processorTime)
    lookAtProbes(now)
    noteLimits(now)
    holdPublicLines()
    directory.publicLines.budget.adapt(to: pressure, at: now)
    directory.tick(at: now, into: &actions)
    perform()
    for session in backlogs.measure(at: now) { closeLater(session, .slowReader) }
    for session in backlogs.excess() { closeLater(session, .backlogBudget) }
    closePending()
    if peerlists.isEmpty { directory.forgetLists() }
    if heapTrimmer.isDue(with: backlogs.total, at: now) { ProcessCalls.releaseFreeMemory() }
    if heapTrimmer.hasPeakPassed(connectionCount) {
      ProcessCalls.releaseFreeMemory()
      ProcessCalls.releaseCodePages()
    }
    expireLingering(at: now)
    if acceptGate.isFull { makeRoom() }
    acceptGate.update(connections: connectionCount)
    onTick()
  }
}
