import Directory
import EventLoop
import Logging
import Settings
import Units
import Wire

/// The running relay: sockets on one side, the directory on the other, one loop under both.
///
/// What happens in a turn: sessions read what has come and hand lines to the node, which hands them
/// to the directory and performs its actions at once; that mostly means queueing in the outbox. At
/// the end of the turn the outbox leaves and sessions that failed or lag too far are closed; what
/// was put off goes on in the next turn. Input, actions, closing, peerlists and stopping stand in
/// extensions.
package final class DirectoryNode {
  package let loop: EventLoop
  package let log: Logger
  package let directory: Directory
  package private(set) var settings: Settings
  package let acceptGate: AcceptGate
  /// What is known of each of the gate's listeners, in the order in which they were added.
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
  /// On the system's clock.
  package let startedAt: Instant
  /// Called at each tick, about twice a second.
  package var onTick: () -> Void = {}
  package var lag = LoopLag()
  private var load = ProcessLoad()
  /// Bytes of whole lines taken from peers.
  package internal(set) var bytesIn = 0
  package var proxyMismatches = ProxyMismatches()

  /// A process that wakes up twice as often costs twice as much while its peers rest.
  static let tickInterval = Duration.milliseconds(500)
  /// At `FANOUT_RATE_LIMIT`'s default 2,000 deliveries.
  static let releaseInterval = Duration.milliseconds(20)
  /// A tick as late as this means that peers wait: the fan-out budget narrows.
  static let lagThatNarrows = Duration.milliseconds(50)
  /// How long a connection that was refused or told to go may take to read why.
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

  /// The longest line taken, in bytes without its terminator.
  var lineLimit: Int { settings.maxLineLength.bytes }

  /// Connections of every kind, those that linger included.
  package var connectionCount: Int { directory.registry.connectionCount + sessions.lingeringCount }

  /// New limits and texts, at once.
  package func apply(_ settings: Settings) {
    self.settings = settings
    directory.limits = Limits(settings)
    directory.identity.motd = settings.fullMotd
    backlogs.limits = Backlogs.Limits(settings)
  }

  /// Takes over an accepted socket.
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

  /// Descriptors run short.
  private func makeRoom() {
    directory.makeRoom(at: loop.coarseNow, into: &actions)
    perform()
  }

  // MARK: Turns

  /// What is queued leaves at the end of this turn.
  func scheduleTurnEnd() { turnEnd?.activate() }

  func endTurn() {
    budget.refillReads()
    readAdmitted()
    flush()
    closePending()
    // Closing announces departures, which leave in the same turn.
    if !outbox.isEmpty { flush() }
    if sessions.hasClosing { scheduleTurnEnd() }
    if peerlists.canGoOn { nextTurn?.schedule(after: .zero) }
  }

  /// What was put off so that others had their turn.
  private func beginTurn() {
    budget.refillProofs()
    readPostponed()
    readDeferredFresh()
    readBusy()
    sendMore()
    continuePeerlists()
  }

  /// Broadcasts go on to the next portion of subscribers.
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

  /// Peers that read towards a probe have their time for an answer when they come to it.
  private func lookAtProbes(_ now: Instant) {
    guard !probeWatch.isEmpty else { return }
    let waiting = probeWatch.look(at: now) { id in
      sessions[id].map { ProbeWatch.Figures(handed: $0.handedCount, unsent: $0.unsentCount) }
    }
    for id in waiting { directory.noteReading(id, at: now) }
  }

  /// Public lines that wait go on in small portions, so that private lines find their turn in
  /// between.
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

  /// What the fan-out budget goes by.
  private var pressure: FanOutBudget.Pressure {
    // A loop that is late because other processes have the CPU would not be faster with less to do.
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
