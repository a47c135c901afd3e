import EventLoop
import Logging
import Server
import Settings
import StateImage

/// The listeners: of the settings, of another process and of the service manager.
extension RelayService {
  func listen(_ settings: Settings, _ taken: Handover.Taken?) throws(StartFault) {
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
}
