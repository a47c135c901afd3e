/// Checks between settings that are each valid alone, and the changes between two readings.

import Wire

extension Settings {
  /// Fills in defaults that depend on other settings.
  mutating func completeDefaults() {
    if nickAuthDirectoryID == .unset, onionHostnameFile != nil { nickAuthDirectoryID = .automatic }
  }

  /// Faults: combinations with which the relay would not do what its operator wants.
  /// - Parameter inheritsListeners: whether systemd passes sockets, so that no own listener is
  ///   needed.
  func conflicts(inheritsListeners: Bool) -> [SettingsFault] {
    var found: [String] = []
    if listeners.isEmpty, !inheritsListeners {
      found.append("nothing to listen on: HOST is empty and LISTEN_UNIX is not set")
    }
    found += listenerConflicts
    found += torControlConflicts(inheritsListeners: inheritsListeners)
    if heartbeat.hardEvict <= heartbeat.idleThreshold {
      found.append("HEARTBEAT_HARD_EVICT must be longer than HEARTBEAT_IDLE_THRESHOLD")
    }
    if peerBacklogSoft > maxPeerBacklog {
      found.append("PEER_BACKLOG_SOFT must not be larger than MAX_PEER_BACKLOG")
    }
    if maxLineLength > maxPeerBacklog {
      found.append(
        "MAX_LINE_LENGTH must not be larger than MAX_PEER_BACKLOG: one line would exceed it"
      )
    }
    if maxPeerBacklog > maxBacklog {
      found.append("MAX_PEER_BACKLOG must not be larger than MAX_BACKLOG")
    }
    if let directoryLocation, (try? endpoint(directoryLocation)) == nil {
      found.append(
        """
        DIRECTORY_LOCATION=\(directoryLocation) is not a v3 onion address with a valid checksum \
        and a port
        """
      )
    }
    if case .endpoint(let id) = nickAuthDirectoryID, let fault = directoryIDFault(id) {
      found.append(
        "NICK_AUTH_DIRECTORY_ID=\(id) is not what clients can dial: \(fault); it must be onion:port"
      )
    }
    if nickAuthMode == .requireVerified, nickAuthDirectoryID == .unset {
      found.append("NICK_AUTH_MODE=require_verified needs NICK_AUTH_DIRECTORY_ID")
    }
    if nickAuthDirectoryID == .automatic, directoryLocation == nil, onionHostnameFile == nil {
      found.append(
        "NICK_AUTH_DIRECTORY_ID=auto needs DIRECTORY_LOCATION or ONION_HOSTNAME_FILE")
    }
    return found.map { .conflict($0) }
  }

  /// Warnings: combinations that work and are probably mistakes.
  func suspiciousSettings() -> [SettingsWarning] {
    var found: [String] = []
    if messageBurstLimit < messageRateLimit {
      found.append(
        "MESSAGE_BURST_LIMIT is smaller than MESSAGE_RATE_LIMIT, so it is the real limit")
    }
    if publicBurstLimit < publicRateLimit {
      found.append("PUBLIC_BURST_LIMIT is smaller than PUBLIC_RATE_LIMIT, so it is the real limit")
    }
    if handshakeTimeout <= nickChallengeTimeout {
      found.append(
        """
        HANDSHAKE_TIMEOUT is not longer than NICK_CHALLENGE_TIMEOUT, so no peer can take its nick \
        back from a dead connection
        """
      )
    }
    if case .endpoint(let id) = nickAuthDirectoryID, let directoryLocation, id != directoryLocation
    {
      found.append(
        """
        NICK_AUTH_DIRECTORY_ID=\(id) is not DIRECTORY_LOCATION=\(directoryLocation): proofs of \
        clients that dial the latter will be invalid
        """
      )
    }
    if allowClearnetLocations == true, network == .mainnet {
      found.append(
        "ALLOW_CLEARNET_LOCATIONS is true on mainnet: the peerlist may name other hosts than onions"
      )
    }
    return found.map { .questionable($0) }
  }

  /// Returns the reason why clients cannot dial this endpoint.
  private func directoryIDFault(_ id: String) -> String? {
    guard let colon = id.lastIndex(of: ":"), let port = UInt16(id[id.index(after: colon)...]),
      port > 0
    else { return "it has no port" }
    let host = id[..<colon]
    if host.hasSuffix(".onion") {
      if (try? OnionEndpoint(id, network: .mainnet)) != nil { return nil }
      return switch host.utf8.count {
      case 22: "its onion is of version 2"
      case 62: "its onion has a wrong checksum"
      default: "\(host) is not an onion name"
      }
    }
    return (try? endpoint(id)) == nil ? "\(host) is not an onion name" : nil
  }

  private func endpoint(_ text: String) throws(OnionEndpointError) -> OnionEndpoint {
    try OnionEndpoint(text, network: network, allowsClearnet: allowsClearnet)
  }
}

/// A setting that differs between two readings.
package struct SettingChange: Sendable {
  package let definition: SettingDefinition
  package let old: String
  package let new: String

  /// The new value, without onions: no record at `info` or above may name one.
  package var newForLog: String { new.lowercased().contains(".onion") ? "(not logged)" : new }
}

extension Settings {
  /// The settings with different values, in table order.
  package func differences(from old: Settings) -> [SettingChange] {
    Self.table.filter { !$0.isEqual(self, old) }.map {
      SettingChange(definition: $0, old: $0.text(old), new: $0.text(self))
    }
  }

  /// Returns these settings with the values of a new reading that a reload applies.
  package func reloading(_ new: Settings) -> Settings {
    var result = self
    for row in Self.table where row.reload == .applied { row.copy(new, &result) }
    return result
  }
}
