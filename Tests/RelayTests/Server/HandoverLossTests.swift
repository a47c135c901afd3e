import NickKeys
import Testing

@testable import Directory
@testable import EventLoop
@testable import Server
@testable import Settings
@testable import StateImage
@testable import Units
@testable import Wire

/// Restarts that lose a part of the state.
@Suite("A restart that loses something", .serialized)
struct HandoverLossTests {
  @Test("A peer whose descriptor is missing is closed with its D entry, and the others stay")
  func missingDescriptor() throws {
    let harness = try RestartHarness()
    let lost = try harness.join(1, at: "a.test:1")
    let other = try harness.join(2)
    let restored = try harness.restart(losing: lost)
    #expect(restored.connections == 1 && restored.lost == 1)
    other.expect(DirectoryHarness.frame(789, "\(lost.nick);a.test:1;D"))
    lost.expectClosed()
    other.expectQuiet()
  }

  @Test("A peer that left meanwhile is noticed at once, and its last line is forwarded")
  func leftMeanwhile() throws {
    let harness = try RestartHarness()
    let leaver = try harness.join(1, at: "a.test:1")
    let other = try harness.join(2)
    leaver.socket.write(DirectoryHarness.frame(687, "\(leaver.nick)!PUBLIC!bye") + "\r\n")
    leaver.socket.close()
    try harness.restart()
    other.expectPublic("bye", from: leaver)
    other.expect(DirectoryHarness.frame(789, "\(leaver.nick);a.test:1;D"))
    other.expectQuiet()
  }

  @Test("A peer with invalid values in the image is closed, and the others stay")
  func invalidValues() throws {
    let harness = try RestartHarness()
    let bad = try harness.join(1)
    let other = try harness.join(2)
    let restored = try harness.restart { image in
      let place = image.peers.firstIndex { $0.nick == Array(bad.nick.utf8) }
      if let place { image.peers[place].nick = [1, 2, 3] }
    }
    #expect(restored.lost == 1)
    bad.expectClosed()
    other.expectQuiet()
  }

  @Test("Of two peers with the same nick or slot, the first keeps it")
  func duplicates() throws {
    let harness = try RestartHarness()
    let first = try harness.join(1)
    let second = try harness.join(2)
    let third = try harness.join(3)
    let restored = try harness.restart { image in
      image.peers[1].nick = image.peers[0].nick
      image.peers[2].key.slot = image.peers[0].key.slot
    }
    #expect(restored.lost == 2)
    first.expectQuiet()
    second.expectClosed()
    third.expectClosed()
  }

  @Test("The descriptor of a nick's holder is missing: the claimant gets the nick at once")
  func holderMissing() throws {
    let harness = try RestartHarness()
    let holder = try harness.join(1)
    let claimant = harness.connect()
    claimant.nick = holder.nick
    claimant.send(793, DirectoryHarness.handshake(holder.nick, ["ping"]))
    try harness.restart(losing: holder)
    claimant.expect(HandoverTests.welcome)
    claimant.expectQuiet()
  }

  @Test("A proof that was requested for another directory id expires")
  func otherDirectoryID() throws {
    let harness = try RestartHarness(provesNicks: true)
    let key = NickKey()
    let peer = harness.connect()
    peer.send(793, DirectoryHarness.handshake(key.nick, ["nick_auth"]))
    _ = peer.next()
    _ = peer.next()
    try harness.restart(directoryID: "other.test:5222")
    peer.expect(DirectoryHarness.frame(807, #"{"code":"expired","verified":false}"#))
    peer.expectClosed()
  }

  @Test("Every new property of these classes must be listed: in the image, or created anew")
  func completeness() throws {
    let harness = try RestartHarness()
    let peer = try harness.join(1)
    func names(_ value: Any) -> Set<String> {
      Set(Mirror(reflecting: value).children.compactMap(\.label))
    }
    let session = try #require(harness.session(of: peer))
    #expect(
      names(session) == [
        // In the image: state; buffers of the connection.
        "id", "listener", "state",
        // Restored from the directory's flags.
        "takesLongFrames",
        // Created anew: the input is scanned again, and the turn is over.
        "node", "framer", "subscriberIndex", "turn", "isDeferred",
      ])
    #expect(
      names(harness.node.directory) == [
        // In the image.
        "registry", "pending", "takeovers", "proofs", "heartbeat", "publicLines", "circuits",
        // From the settings.
        "identity", "limits", "policy", "requiresProof",
        // Made anew.
        "counters", "now", "featureTexts", "isStopping", "peersToEvict", "silentToEvict",
        "pendingToEvict",
      ])
    #expect(
      names(harness.node) == [
        // In the image; for listeners only the names, because the settings define them.
        "directory", "sessions", "backlogs", "peerlists", "probeWatch", "listenerStates",
        "acceptGate",
        // Empty when the image is written.
        "outbox", "actions", "deferred", "budget",
        // From the settings.
        "settings", "decoder", "loop", "log", "onTick",
        // Made anew.
        "turnEnd", "nextTurn", "tickTimer", "releaseTimer", "isReleaseScheduled", "heapTrimmer",
        "limitsInForce", "startedAt", "lag", "load", "bytesIn", "proxyMismatches",
      ])
    withExtendedLifetime(peer) {}
  }
}
