import Directory
import EventLoop
import Logging
import Server
import Settings
import Units
import Wire

/// Finds the name that clients dial, and then turns nick authentication on (protocol.md §8). Behind
/// Tor it needs no setting: it reads the name from the file that Tor writes, and again every 30 s,
/// because restored keys change it.
final class NickProving {
  private let node: DirectoryNode
  private let log = Logger(label: "nick-auth")
  private var timer: Timer?
  /// The last logged reason why the file could not be used.
  private var reason: String?
  private var learned: OnionEndpoint?
  private let rereading: Duration

  /// The interval for reading the file until a name is known.
  package static let interval = Duration.seconds(1)
  /// The same once a name is known.
  static let defaultRereading = Duration.seconds(30)

  package init(for node: DirectoryNode, rereading: Duration = NickProving.defaultRereading) {
    self.node = node
    self.rereading = rereading
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
          "off: peers can prove nicks only with NICK_AUTH_DIRECTORY_ID or ONION_HOSTNAME_FILE")
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
    let endpoint: OnionEndpoint
    do throws(HostnameFault) {
      endpoint = try self.endpoint(in: path)
    } catch {
      // Each reason is logged once: the file is read again after a second.
      if learned == nil, reason != error.reason {
        reason = error.reason
        log.warning(
          "no onion name yet: \(error.reason)", metadata: ["ONION_HOSTNAME_FILE": "\(path)"])
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
    switch node.settings.nickAuthDirectoryID {
    case .automatic: turnOn(DirectoryID(endpoint.description))
    case .endpoint(let id) where id != endpoint.description:
      log.warning(
        """
        NICK_AUTH_DIRECTORY_ID is not the relay's own onion: proofs of clients that dial it will \
        be invalid
        """,
        metadata: ["NICK_AUTH_DIRECTORY_ID": "\(id)", "own": "\(endpoint)"])
    case .endpoint, .unset: break
    }
  }

  private enum HostnameFault: Error {
    case unreadable(Errno)
    case empty
    case notAnOnion

    var reason: String {
      switch self {
      case .unreadable(let error): "\(error)"
      case .empty: "the file is empty"
      case .notAnOnion: "the file does not hold a v3 onion name"
      }
    }
  }

  /// Returns the first line of Tor's file with our port appended, if the line is complete.
  private func endpoint(in path: String) throws(HostnameFault) -> OnionEndpoint {
    switch SmallFile.read(path, limit: 128) {
    case .failure(let error): throw .unreadable(error)
    case .success(let bytes):
      guard !bytes.isEmpty else { throw .empty }
      let name = String(decoding: bytes.prefix { $0 > 32 }, as: UTF8.self)
      do {
        return try OnionEndpoint("\(name):\(node.settings.onionPort)", network: .mainnet)
      } catch {
        throw .notAnOnion
      }
    }
  }
}
