import Directory
import Settings
import Units
import Wire

/// Computes the limits of the server's components from the settings.
extension Limits {
  package init(_ settings: Settings) {
    self.init()
    peers = settings.maxPeers
    pending = settings.maxPending
    peersPerCircuit = settings.maxPeersPerCircuit
    longestLine = settings.maxLineLength.bytes
    handshakeTime = settings.handshakeTimeout
    proofTime = settings.nickAuthTimeout
    takeoverTime = settings.nickChallengeTimeout
    messages = Rate(
      count: settings.messageRateLimit, per: .seconds(1), burst: settings.messageBurstLimit)
    violations = settings.rateLimitDisconnect
    publicFrames = Rate(
      count: settings.publicRateLimit, per: .seconds(60), burst: settings.publicBurstLimit)
    orderbookRequests = Rate(
      count: settings.orderbookRateLimit, per: .seconds(60), burst: settings.orderbookRateLimit)
    peerlistRequests = Rate(
      count: settings.peerlistRateLimit, per: .seconds(60), burst: settings.peerlistRateLimit)
    publicBytes = Rate(
      count: settings.publicBytesLimit.bytes, per: .seconds(60),
      burst: 4 * settings.publicBytesLimit.bytes)
    fanout = FanOutBudget.Limits(
      deliveries: settings.fanoutRateLimit, bytes: settings.fanoutBytesLimit.bytes,
      orderbookRequests: settings.orderbookTotalLimit)
    strangerTime = settings.strangerTime
    sweepInterval = settings.heartbeat.sweepInterval
    idleThreshold = settings.heartbeat.idleThreshold
    hardEvict = settings.heartbeat.hardEvict
    pongWait = settings.heartbeat.pongWait
  }
}

extension Backlogs.Limits {
  package init(_ settings: Settings) {
    hard = settings.maxPeerBacklog
    soft = settings.peerBacklogSoft
    softTime = settings.backlogSoftTime
    total = settings.maxBacklog
  }
}

extension Settings {
  /// The onion endpoint that peers dial, when it is known.
  var ownLocation: OnionEndpoint? {
    directoryLocation.flatMap {
      try? OnionEndpoint($0, network: network, allowsClearnet: allowsClearnet)
    }
  }

  /// The greeting: the operator's text, and the version unless the text has it.
  var fullMotd: String {
    guard motdVersion, !motd.lowercased().contains("version") else { return motd }
    let line = "JoinMarket Relay version: \(relayVersion)"
    return motd.isEmpty ? line : motd + "\n" + line
  }
}
