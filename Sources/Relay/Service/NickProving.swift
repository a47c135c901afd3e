import Directory
import EventLoop
import Logging
import Server
import Units
import Wire

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Works out under which name clients dial this relay, and turns nick authentication on when it is known
/// (protocol.md §8). An operator behind Tor sets nothing: the name is read from the file that Tor writes, now and then again: a node
/// whose keys were put back has another name.
final class NickProving {
  private let node: DirectoryNode
  private let log = Logger(label: "nick-auth")
  private var timer: Timer?
  private let startedAt: Instant
  private var hasWarned = false
  private var learned: OnionEndpoint?
  private let rereading: Duration

  /// Tor writes its hostname file within a second of its first start; this leaves room for a slow host.
  package static let hostnameTimeout = Duration.seconds(300)
  package static let interval = Duration.seconds(1)
  /// The same once a name is known.
  static let defaultRereading = Duration.seconds(30)

  package init(for node: DirectoryNode, rereading: Duration = NickProving.defaultRereading) {
    self.node = node
    self.rereading = rereading
    startedAt = node.loop.now
    let settings = node.settings
    node.directory.requiresProof = settings.nickAuthMode == .requireVerified
    if settings.onionHostnameFile != nil {
      timer = Timer(on: node.loop) { [unowned self] in look() }
      look()
    }
    switch settings.nickAuthDirectoryID {
    case .endpoint(let text): turnOn(DirectoryID(text))
    case .automatic:
      if settings.onionHostnameFile == nil {
        turnOn(settings.directoryLocation.flatMap(DirectoryID.init))
      }
    case .unset:
      if settings.nickAuthMode != .disabled {
        log.warning(
          "off: without NICK_AUTH_DIRECTORY_ID or ONION_HOSTNAME_FILE nobody can prove a nick")
      }
    }
  }

  private func turnOn(_ id: DirectoryID?) {
    let mode = node.settings.nickAuthMode
    guard mode != .disabled, let id else { return }
    node.directory.policy = NickPolicy(directoryID: id)
    log.info("on", metadata: ["mode": "\(mode.rawValue)"])
  }

  private func look() {
    guard let path = node.settings.onionHostnameFile else { return }
    guard let endpoint = endpoint(in: path) else {
      if learned == nil, !hasWarned, node.loop.now - startedAt > Self.hostnameTimeout {
        hasWarned = true
        log.warning(
          "no onion name yet; waiting on", metadata: ["ONION_HOSTNAME_FILE": "\(path)"])
      }
      timer?.schedule(after: learned == nil ? Self.interval : rereading)
      return
    }
    timer?.schedule(after: rereading)
    guard endpoint != learned else { return }
    log.info(
      learned == nil ? "own onion name is known" : "own onion name has changed",
      metadata: ["ONION_HOSTNAME_FILE": "\(path)"])
    learned = endpoint
    if node.settings.directoryLocation == nil { node.directory.identity.location = endpoint }
    if node.settings.nickAuthDirectoryID == .automatic {
      turnOn(DirectoryID(endpoint.description))
    }
  }

  /// The first line of Tor's file with our port behind it, if it is there and whole.
  private func endpoint(in path: String) -> OnionEndpoint? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = read(file, &bytes, bytes.count)
    guard count > 0 else { return nil }
    let name = String(decoding: bytes[..<count].prefix { $0 > 32 }, as: UTF8.self)
    return try? OnionEndpoint("\(name):\(node.settings.onionPort)", network: .mainnet)
  }
}
