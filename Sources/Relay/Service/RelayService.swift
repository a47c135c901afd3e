import Directory
import EventLoop
import Identity
import Logging
import Server
import Settings
import StateImage
import Status
import Units
import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The relay as a process: opens what it needs or says in one line why not, runs until a signal,
/// and leaves nothing behind.
package final class RelayService {
  /// What the process ends with (sysexits.h).
  package enum ExitCode: Int32, Sendable {
    case ok = 0
    /// EX_OSERR: the system refuses something that another try may give.
    case system = 71
    /// EX_CONFIG: the settings have to change first.
    case configuration = 78
  }

  private let loop: EventLoop
  private let node: DirectoryNode
  private let sink: LogSink
  private let log: Logger
  private let reread: () -> SettingsReading
  private let status: RelayStatus
  private var statusEndpoint: StatusEndpoint?
  private var admin: AdminSocket?
  private var torControl: TorControl?
  private var probe: SelfProbe?
  private var nickFile: NickFile?
  private var signals: [SignalSource] = []
  private var shutdown: Shutdown?
  private var nickProving: NickProving?
  private let manager: ServiceManager
  /// Everything is in the descriptor store: what is left on disk is the next process's.
  private var isHandedOver = false
  private var watchdog: Timer?
  private var settled: Timer?
  private var handover: Handover?

  /// The time after which the code of the start is not needed again. The first sample of the
  /// history, after 10 s, belongs to the start.
  package static let startTime = Duration.seconds(12)

  /// Runs the relay with these settings until it is told to stop.
  /// - Parameter reread: reads the settings anew, for SIGHUP.
  package static func run(
    _ settings: Settings, log sink: LogSink, reread: @escaping () -> SettingsReading
  ) -> ExitCode {
    let log = Logger(label: "relay")
    do throws(StartFault) {
      let connections = try ProcessLimits.harden(settings, log: log)
      let manager = try ServiceManager(environment: Settings.processEnvironment)
      // A process that took connections over must not be ended by a signal before it can hand them
      // over.
      SignalSource.holdBack(handledSignals, true)
      let handover = Handover(settings.fdStore, manager)
      if handover?.store !== manager.store { manager.closeStored(log: log) }
      let taken = handover?.take(on: settings.network)
      let service = try RelayService(
        settings, sink: sink, reread: reread, manager: manager, taken: taken)
      service.handover = handover
      service.node.acceptGate.limit = connections
      try service.open(taken)
      service.loop.run()
      if !service.isHandedOver { service.nickFile?.remove() }
      log.info("stopped")
      return .ok
    } catch {
      log.error("\(error)")
      return error.exitCode
    }
  }

  private init(
    _ settings: Settings, sink: LogSink, reread: @escaping () -> SettingsReading,
    manager: ServiceManager, taken: Handover.Taken?
  ) throws(StartFault) {
    do { loop = try EventLoop() } catch { throw .system("the system refuses an event queue") }
    self.sink = sink
    self.reread = reread
    log = Logger(label: "relay")
    self.manager = manager
    if let taken { loop.resume(at: taken.image.directory.writtenAt) }
    node = DirectoryNode(
      loop: loop, settings: settings, nick: taken?.nick ?? RelayIdentity.generate())
    status = RelayStatus(of: node)
    status.droppedLogRecords = { sink.dropped }
    node.onTick = { [unowned self] in
      sink.catchUp()
      torControl?.tick()
    }
  }

  // MARK: Start

  /// - Parameter taken: what another process has left.
  private func open(_ taken: Handover.Taken?) throws(StartFault) {
    let settings = node.settings
    log.info(
      "starting",
      metadata: [
        "version": "\(relayVersion)", "network": "\(settings.network.rawValue)",
        "nick": "\(node.directory.identity.nick)", "backend": "\(loop.backend)",
      ])
    try listen(settings, taken)
    guard !node.acceptGate.listeners.isEmpty else {
      throw .setting(
        """
        nothing to listen on: HOST is empty, LISTEN_UNIX is not set, and no socket was handed over \
        (LISTEN_FDS, LISTEN_PID)
        """
      )
    }
    do throws(SocketError) {
      let address = SocketAddress.tcp(host: settings.healthHost, port: settings.healthPort)
      let endpoint = try StatusEndpoint(
        for: status, at: address,
        inherited: taken?.takeListener(.status, at: address)?.socket.take())
      statusEndpoint = endpoint
      log.info("status", metadata: ["address": "\(endpoint.address)"])
    } catch { throw .socket("HEALTH_CHECK_HOST and HEALTH_CHECK_PORT", error) }
    if let path = settings.adminSocket {
      do throws(SocketError) {
        admin = try AdminSocket(for: status, at: path)
        log.info("admin socket", metadata: ["path": "\(path)"])
      } catch { throw .socket("ADMIN_SOCKET", error) }
    }
    if let place = settings.torControl {
      do throws(TorControlFault) {
        torControl = try TorControl(place, for: node)
        status.torControl = torControl?.results
      } catch { throw .setting("\(error)") }
    }
    if let directory = settings.dataDir {
      nickFile = try NickFile(in: directory, nick: node.directory.identity.nick)
    }
    nickProving = NickProving(for: node)
    if let taken, taken.confirm() { restore(taken) }
    handleSignals()
    let probe = SelfProbe(of: node)
    status.probe = probe.results
    probe.start()
    self.probe = probe
    let hasTakenOver = taken != nil
    settled = Timer(on: loop) {
      ProcessCalls.releaseCodePages()
      // An image is large and needed once.
      if hasTakenOver { ProcessCalls.releaseFreeMemory() }
    }
    settled?.schedule(after: Self.startTime)
    manager.notify(.ready)
    if let interval = manager.watchdog {
      watchdog = Timer(on: loop) { [unowned self] in manager.notify(.alive) }
      // Twice in its interval, as sd_watchdog_enabled(3) advises.
      watchdog?.scheduleRepeating(every: interval / 2)
    }
  }

  /// Goes on with the connections of another process.
  private func restore(_ taken: Handover.Taken) {
    taken.closeOtherListeners()
    let restored = node.restore(taken.image, sockets: taken.takeSockets())
    taken.forgetPeers()
    let pause = loop.systemNow - taken.image.directory.systemTime
    log.info(
      "taken over",
      metadata: [
        "connections": "\(restored.connections)", "lost": "\(restored.lost)",
        "pause_milliseconds": "\(pause.nanoseconds / 1_000_000)",
      ])
  }

  private func listen(_ settings: Settings, _ taken: Handover.Taken?) throws(StartFault) {
    for (index, descriptor) in manager.inherited.enumerated() {
      try listen(inherited: descriptor, name: index == 0 ? "systemd" : "systemd\(index + 1)")
    }
    for plan in settings.listeners { try listen(plan, taken) }
  }

  private func listen(_ plan: ListenerPlan, _ taken: Handover.Taken?) throws(StartFault) {
    let address: SocketAddress =
      switch plan.place {
      case .tcp(let host, let port): .tcp(host: host, port: port)
      case .unix(let path): .unix(path: path)
      }
    let number = node.listenerStates.count
    do throws(SocketError) {
      let mode = node.settings.listenUnixMode
      let accept: Listener.Accept = { [unowned node] socket in
        node.accept(socket, from: number)
      }
      let listener: Listener
      if let left = taken?.takeListener(.peers, at: address),
        let previous = try Listener(
          on: loop, restoring: left.socket.take(), as: left.state, mode: mode, accept: accept)
      {
        listener = previous
      } else {
        listener = try Listener(on: loop, address: address, mode: mode, accept: accept)
      }
      node.add(listener, name: plan.name, hasProxyLine: plan.hasProxyLine)
      log.info(
        "listening",
        metadata: [
          "address": "\(listener.address)", "listener": "\(plan.name)",
          "proxy": "\(plan.hasProxyLine)",
        ])
    } catch { throw .socket(plan.setting, error) }
  }

  private func listen(inherited descriptor: Int32, name: String) throws(StartFault) {
    let socket = Descriptor(adopting: descriptor)
    guard socket.isListening else {
      throw .setting(
        """
        LISTEN_FDS: descriptor \(descriptor) is not a stream socket that listens (systemd: \
        ListenStream= with Accept=no)
        """)
    }
    let number = node.listenerStates.count
    do throws(SocketError) {
      let listener = try Listener(on: loop, inherited: socket) { [unowned node] socket in
        node.accept(socket, from: number)
      }
      node.add(listener, name: name, hasProxyLine: node.settings.proxyProtocol)
      log.info(
        "listening",
        metadata: [
          "address": "\(listener.address)", "inherited": "true", "listener": "\(name)",
          "proxy": "\(node.settings.proxyProtocol)",
        ])
    } catch { throw .socket("LISTEN_FDS", error) }
  }

  // MARK: Signals

  private static let handledSignals = [SIGTERM, SIGINT, SIGHUP, SIGUSR1]

  private func handleSignals() {
    defer { SignalSource.holdBack(Self.handledSignals, false) }
    signals = [
      SignalSource(SIGTERM, on: loop) { [unowned self] in stop() },
      SignalSource(SIGINT, on: loop) { [unowned self] in stop() },
      SignalSource(SIGHUP, on: loop) { [unowned self] in reload() },
      SignalSource(SIGUSR1, on: loop) { [unowned self] in report() },
    ]
  }

  /// Drains within the grace and ends; the second time at once.
  private func stop() {
    guard shutdown == nil else {
      log.warning("stopping at once")
      return loop.stop()
    }
    manager.notify(.stopping)
    if let probe {
      probe.stop()
      // Its other end goes as any connection does.
      let id = node.directory.registry.holder(of: probe.results.nick)
      if let session = id.flatMap({ node.sessions[$0] }) { node.close(session, .peerClosed) }
    }
    if let handover, case .done = handover.leave(node, status: statusEndpoint) {
      isHandedOver = true
      return loop.stopAtOnce()
    }
    log.info("stopping", metadata: ["grace": "\(node.settings.shutdownGrace.seconds)s"])
    shutdown = Shutdown(of: node) { [unowned self] in loop.stop() }
  }

  /// The status report, which the operator asks for: it is written whatever the log level.
  private func report() {
    let report = status.snapshot(showsNicks: true).report(firstNicks: Self.nicksInReport)
    for line in report.lines(firstNicks: Self.nicksInReport) {
      log.log(level: max(.notice, sink.level), "status: \(line)")
    }
  }

  static let nicksInReport = 10

  /// Takes new settings as a whole or not at all.
  private func reload() {
    manager.notify(.reloading)
    defer { manager.notify(.ready) }
    let reading = reread()
    for warning in reading.warnings { log.warning("\(warning)") }
    guard let new = reading.settings else {
      for fault in reading.faults { log.error("reload: \(fault.forLog)") }
      return log.error("reload: no setting is changed")
    }
    let changes = new.differences(from: node.settings)
    for change in changes {
      let isApplied = change.definition.reload == .applied
      log.notice(
        isApplied ? "reload: applied" : "reload: needs a restart",
        metadata: ["\(change.definition.name)": "\(change.newForLog)"])
    }
    if changes.isEmpty { log.notice("reload: all settings are unchanged") }
    node.apply(node.settings.reloading(new))
    sink.level = node.settings.logLevel
    ProcessLimits.warnIfDescriptorsShort(node.settings, withBudget: node.acceptGate.limit, log: log)
  }
}

/// Why the relay does not start, for the operator.
enum StartFault: Error, CustomStringConvertible {
  case socket(String, SocketError)
  case file(setting: String, path: String, errno: Int32)
  case setting(String)
  case system(String)

  package var description: String {
    switch self {
    case .socket(let setting, let error): "\(setting): \(error)"
    case .file(let setting, let path, let code):
      "\(setting): \(path): \(Errno(code))"
    case .setting(let text), .system(let text): text
    }
  }

  var exitCode: RelayService.ExitCode {
    switch self {
    case .socket(_, .notAnAddress), .socket(_, .pathLength), .setting: .configuration
    case .file(_, _, ENOENT), .file(_, _, ENOTDIR), .file(_, _, EACCES): .configuration
    case .socket, .file, .system: .system
    }
  }
}
