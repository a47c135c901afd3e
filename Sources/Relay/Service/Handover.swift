import EventLoop
import Logging
import Server
import Settings
import StateImage
import Status
import Units
import Wire

/// Hands connections over to the next process: a stop puts them into a descriptor store, a start
/// takes them out of it (docs/operating.md, "Hot restart").
struct Handover {
  let store: any DescriptorStore
  private let log = Logger(label: "handover")

  /// The store that the settings name, if there is one.
  init?(_ setting: FDStoreSetting, _ manager: ServiceManager) {
    switch setting {
    case .none: return nil
    case .path(let path): store = FDStoreClient(at: path)
    case .systemd, .automatic:
      if setting == .automatic, !manager.offersStore { return nil }
      guard let store = manager.store else {
        log.warning(
          "FD_STORE: systemd has passed no NOTIFY_SOCKET: a stop drains and closes",
          metadata: ["FD_STORE": "systemd"])
        return nil
      }
      self.store = store
    }
  }

  // MARK: The stop

  enum Outcome {
    /// Everything is in the store. The process ends without touching a socket.
    case done
    /// Nothing is in the store. Stop as without one.
    case refused
  }

  /// Puts everything into the store, which takes some seconds at most. The loop must not run after
  /// `.done`.
  func leave(_ node: DirectoryNode, status: StatusEndpoint?) -> Outcome {
    let start = node.loop.now
    let (image, descriptors) = node.handOver(status: status?.handOver)
    let origin = ImageOrigin(bootID: SealedMemory.bootID, network: node.settings.network)
    let bytes = image.encoded(from: origin)
    guard let memory = SealedMemory.make(bytes) else {
      log.warning("no memory for the state image: draining and closing instead")
      return .refused
    }
    do throws(StoreFault) {
      try store.put([LentDescriptor(.image, memory.number)] + descriptors)
    } catch {
      guard error.isUncertain else {
        log.warning(
          "not handed over: draining and closing instead", metadata: ["reason": "\(error)"])
        return .refused
      }
      // The store may have everything, so this process must not use the connections any more.
      log.warning("handed over, but not confirmed", metadata: ["reason": "\(error)"])
    }
    node.leaveListenerFiles()
    let milliseconds = (node.loop.now - start).nanoseconds / 1_000_000
    log.info(
      "handed over",
      metadata: [
        "connections": "\(image.peers.count + image.lingering.count)",
        "bytes": "\(bytes.count)", "milliseconds": "\(milliseconds)",
      ])
    return .done
  }

  // MARK: The start

  /// The checked state of another process. It owns all sockets that were not taken from it. The
  /// store keeps copies until `confirm()`, so a start that fails before leaves everything to the
  /// next one.
  final class Taken {
    private(set) var image: StateImage
    let nick: Nick
    private let handover: Handover
    private var sockets: [UInt64: HeldDescriptor] = [:]
    private var listening: [UInt64: HeldDescriptor] = [:]

    fileprivate init(
      _ image: StateImage, _ nick: Nick, _ descriptors: [StoredDescriptor], from handover: Handover
    ) {
      self.image = image
      self.nick = nick
      self.handover = handover
      for stored in descriptors {
        guard SocketCalls.isInThisNetwork(stored.held.number),
          let cookie = SocketCalls.cookie(of: stored.held.number)
        else { continue }
        if stored.kind == .peer {
          sockets[cookie] = stored.held
        } else {
          listening[cookie] = stored.held
        }
      }
    }

    /// Returns the listener for `address`, which the caller then owns; `nil` if there is none.
    func takeListener(
      _ purpose: ListenerImage.Purpose, at address: SocketAddress
    ) -> (socket: HeldDescriptor, state: Listener.HandOver)? {
      let text = Array("\(address)".utf8)
      for listener in image.listeners
      where listener.purpose == purpose && listener.configured == text {
        guard let socket = listening.removeValue(forKey: listener.cookie) else { continue }
        let state = Listener.HandOver(
          configured: address, fileDevice: listener.fileDevice, fileInode: listener.fileInode)
        return (socket, state)
      }
      return nil
    }

    /// Lets the store forget everything. Nothing may be read from a peer before this.
    /// - Returns: false, with a logged reason, when the store may still have everything. Then the
    ///   connections must not be used.
    func confirm() -> Bool {
      do throws(StoreFault) {
        try handover.store.confirm()
        return true
      } catch {
        for socket in sockets.values { StoredDescriptor(.peer, socket).end() }
        for socket in listening.values { StoredDescriptor(.listener, socket).end() }
        (sockets, listening) = ([:], [:])
        handover.logNothingTaken(error)
        return false
      }
    }

    /// Frees what was only needed to restore the peers, for example their backlogs.
    func forgetPeers() { (image.peers, image.lingering) = ([], []) }

    /// Closes listeners that the settings no longer name.
    func closeOtherListeners() { listening = [:] }

    /// Returns the sockets of the peers, by their `SO_COOKIE`.
    func takeSockets() -> [UInt64: HeldDescriptor] {
      defer { sockets = [:] }
      return sockets
    }
  }

  private func logNothingTaken(_ fault: StoreFault) {
    log.warning("nothing is taken over: starting empty", metadata: ["reason": "\(fault)"])
  }

  /// Takes the state of another process from the store. Returns nil, with a logged reason, when
  /// there is none or it cannot be used.
  func take(on network: Network) -> Taken? {
    var descriptors: [StoredDescriptor] = []
    do throws(StoreFault) {
      descriptors = try store.fetch()
      guard !descriptors.isEmpty else {
        log.info("nothing to take over")
        return nil
      }
      let images = descriptors.filter { $0.kind == .image }
      let others = descriptors.filter { $0.kind != .image }
      let reading = Self.read(images, on: network)
      descriptors = others
      switch reading {
      case .success(let image, let nick): return Taken(image, nick, others, from: self)
      case .failure(let reason):
        try store.confirm()
        for stored in others { stored.end() }
        log.warning(
          "the state of the last process cannot be used: starting empty",
          metadata: ["reason": "\(reason)", "closed": "\(others.count)"])
        return nil
      }
    } catch {
      for stored in descriptors { stored.end() }
      logNothingTaken(error)
      return nil
    }
  }

  private enum Reading {
    case success(StateImage, Nick)
    case failure(String)
  }

  private static func read(_ images: [StoredDescriptor], on network: Network) -> Reading {
    guard images.count == 1 else { return .failure("\(images.count) state images, one is needed") }
    guard let bytes = SealedMemory.read(images[0].held.number) else {
      return .failure("the state image is not sealed memory")
    }
    do throws(ImageFault) {
      let origin = ImageOrigin(bootID: SealedMemory.bootID, network: network)
      let image = try StateImage(bytes, at: origin)
      guard let nick = Nick(image.directory.nick) else {
        return .failure("\(ImageFault.malformed)")
      }
      return .success(image, nick)
    } catch { return .failure("the state image is \(error)") }
  }
}
