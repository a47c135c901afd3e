import DequeModule
import Directory
import EventLoop
import Logging
import Settings
import Units
import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The running relay: sockets on one side, the directory on the other, one loop under both.
///
/// What happens in a turn: sessions read what has come and hand frames to the directory, whose actions are performed at
/// once, which mostly means queued in the outbox; at the end of the turn the outbox leaves, whoever failed or lags too far
/// is closed, and lists go on. Reading, performing, closing and lists stand in extensions.
package final class DirectoryNode {
  package let loop: EventLoop
  package let log: Logger
  package let directory: Directory
  package var settings: Settings
  package let outbox = Outbox()
  package var backlogs = Backlogs()
  var heapTrimmer = HeapTrimmer()
  package var decoder: FrameDecoder
  package var actions = Actions()

  /// By slot of the directory's registry.
  package var sessions: [Session?] = []
  /// Sessions that the directory has forgotten and whose last bytes are still on their way.
  var lingering: [ObjectIdentifier: LingeringClose] = [:]
  /// Whoever failed or overflowed while something was sent, to be closed when it is safe to.
  var pendingCloses: [PendingClose] = []
  /// Whom the directory lets go on after it held them.
  var resumed: [PeerID] = []
  /// Whose proofs wait for the next turn, and how many may still be checked in this one.
  var postponed: Deque<PeerID> = []
  var proofsLeft = DirectoryNode.proofsPerTurn
  /// How often a peer may still be read once more in this turn.
  var furtherReadsLeft = DirectoryNode.furtherReadsPerTurn
  /// Whose lists go on when the loop comes round again.
  package var listing: [PeerID] = []

  package var listeners: [Listener] = []
  private(set) var turnEnd: TurnEnd?
  private(set) var nextTurn: Timer?
  private var tickTimer: Timer?
  private var releaseTimer: Timer?
  private var isReleaseScheduled = false
  /// On the system's clock.
  package let startedAt: Instant
  /// Called at each tick, about twice a second.
  package var onTick: () -> Void = {}
  package var lag = LoopLag()
  /// How many connections the process may hold; past it the listeners stand still.
  package var descriptorBudget = Int.max
  package var isFullOfDescriptors = false
  var lastDescriptorWarning: Instant?
  /// Bytes of whole lines taken from peers.
  package var bytesIn = 0
  /// How often newcomers had to wait for want of descriptors.
  package var acceptPauses = 0
  package var proxyMismatches = ProxyMismatches()

  /// Signatures checked before the loop looks at its sockets again.
  static let proofsPerTurn = 16
  /// A process that wakes up twice as often costs twice as much while its peers rest.
  static let tickInterval = Duration.milliseconds(500)
  /// At `FANOUT_RATE_LIMIT`'s default 2,000 deliveries: some milliseconds of work.
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

  /// Connections of every kind, those that are leaving included.
  package var connectionCount: Int { directory.registry.connectionCount + lingering.count }

  // MARK: Newcomers

  package func accept(_ descriptor: Int32) {
    let now = loop.coarseNow
    guard let id = directory.connect(at: now) else {
      Listener.closeDescriptor(descriptor)
      return
    }
    let session = Session(
      on: loop, adopting: descriptor, id: id, node: self,
      expectsProxyLine: settings.proxyProtocol)
    let slot = Int(id.slot)
    while sessions.count <= slot { sessions.append(nil) }
    sessions[slot] = session
    session.startReading()
    if connectionCount >= descriptorBudget { pauseAccepting() }
  }

  package func session(_ id: PeerID) -> Session? {
    let slot = Int(id.slot)
    guard slot < sessions.count, let session = sessions[slot], session.id == id else { return nil }
    return session
  }

  // MARK: Turns

  /// What is queued leaves at the end of this turn.
  func scheduleTurnEnd() { turnEnd?.activate() }

  private func endTurn() {
    furtherReadsLeft = Self.furtherReadsPerTurn
    resumeHeld()
    flush()
    closePending()
    // Closing announces departures, which leave in the same turn.
    if !outbox.isEmpty { flush() }
    if !pendingCloses.isEmpty { scheduleTurnEnd() }
    if !listing.isEmpty { nextTurn?.schedule(after: .zero) }
  }

  /// What was put off so that others had their turn.
  private func beginTurn() {
    proofsLeft = Self.proofsPerTurn
    readPostponed()
    continueLists()
  }

  package func flush() {
    let now = loop.coarseNow
    outbox.flush { session, delivery in account(delivery, of: session, at: now) }
    directory.publicLines.isHeld = backlogs.isOverShare
  }

  /// Public lines that wait go on in small portions, so that private lines find their turn in between.
  func scheduleRelease() {
    guard !isReleaseScheduled, !directory.publicLines.isEmpty else { return }
    isReleaseScheduled = true
    releaseTimer?.schedule(after: Self.releaseInterval)
  }

  private func releasePublicLines() {
    isReleaseScheduled = false
    directory.releasePublicLines(at: loop.now, into: &actions)
    perform(loop.coarseNow)
    scheduleRelease()
  }

  /// What the fan-out budget goes by.
  private var pressure: FanOutBudget.Pressure {
    if lag.last > Self.lagThatNarrows { return .loopLag }
    return backlogs.isOverShare ? .backlogs : .none
  }

  private func tick() {
    let now = loop.now
    let systemNow = loop.systemNow
    lag.tick(at: systemNow, next: systemNow + Self.tickInterval)
    directory.publicLines.isHeld = backlogs.isOverShare
    directory.publicLines.budget.adapt(to: pressure, at: now)
    directory.tick(at: now, into: &actions)
    perform(now)
    for session in backlogs.measure(at: now) { closeLater(session, .slowReader) }
    for session in backlogs.excess() { closeLater(session, .backlogBudget) }
    closePending()
    if listing.isEmpty { directory.forgetLists() }
    if heapTrimmer.isDue(with: backlogs.total, at: now) { SystemCalls.releaseFreeMemory() }
    if heapTrimmer.hasPeakPassed(connectionCount) {
      SystemCalls.releaseFreeMemory()
      SystemCalls.releaseCodePages()
    }
    expireLingering(at: now)
    if isFullOfDescriptors, connectionCount < descriptorBudget { resumeAccepting() }
    onTick()
  }
}
