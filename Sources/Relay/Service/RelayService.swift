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

/// The relay as a process: opens its resources or logs in one line why it cannot, runs until a
/// signal, and removes its files.
package final class RelayService {
  /// The exit code of the process (sysexits.h).
  package enum ExitCode: Int32, Sendable {
    case ok = 0
    /// EX_OSERR: the system refuses something; another try may succeed.
    case system = 71
    /// EX_CONFIG: the settings are wrong.
    case configuration = 78
  }

  let loop: EventLoop
  let node: DirectoryNode
  let sink: LogSink
  let log: Logger
  let reread: () -> SettingsReading
  let status: RelayStatus
  var statusEndpoint: StatusEndpoint?
  private var admin: AdminSocket?
  private var torControl: TorControl?
  var probe: SelfProbe?
  private var nickFile: NickFile?
  var signals: [SignalSource] = []
  var shutdown: Shutdown?
  private var nickProving: NickProving?
  let manager: ServiceManager
  /// Everything is in the descriptor store, so files on disk belong to the next process.
  var isHandedOver = false
  private var watchdog: Timer?
  private var settled: Timer?
  var handover: Handover?

  /// The time after which the code of the start is not needed again. The first sample of the
  /// history, after 10 s, belongs to the start.
  package static let startTime = Duration.seconds(12)

  /// Runs the relay with these settings until it stops.
  /// - Parameter reread: reads the settings anew, for SIGHUP.
  package static func run(
    _ settings: Settings, log sink: LogSink, reread: @escaping () -> SettingsReading
  ) -> ExitCode {
    let log = Logger(label: "relay")
    do throws(StartFault) {
      let connections = try ProcessLimits.harden(settings, log: log)
      let manager = try ServiceManager(environment: Settings.processEnvironment)
      // A signal must not end a process with taken connections before it can hand them over.
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

  /// - Parameter taken: the state of another process.
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
      // An image is large and needed only once.
      if hasTakenOver { ProcessCalls.releaseFreeMemory() }
    }
    settled?.schedule(after: Self.startTime)
    manager.notify(.ready)
    if let interval = manager.watchdog {
      watchdog = Timer(on: loop) { [unowned self] in manager.notify(.alive) }
      // Twice in each interval, as sd_watchdog_enabled(3) advises.
      watchdog?.scheduleRepeating(every: interval / 2)
    }
  }

  /// Continues the connections of another process.
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
}
