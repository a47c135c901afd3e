import Units
import Wire

/// Finding the dead (protocol.md §7). Tor keeps the connections of peers that are long gone.
struct Probe {
  package let peer: PeerID
  let sentAt: Instant
}

/// Where the sweep stands. It walks all slots once in `sweepInterval`, a slice at each tick, so that probes and evictions never bunch.
package struct Sweep {
  var lastTick = Instant(nanoseconds: 0)
  package var cursor = 0
  /// Slots that should have been walked by now and have not been.
  package var owed: Double = 0
}

extension Directory {
  /// The peer has sent something, whatever it was.
  func noteActivity(_ index: Int, at now: Instant, into actions: inout Actions) {
    guard !registry[index].flags.isDisjoint(with: [.probed, .contested]) else { return }
    registry[index].flags.remove(.probed)
    if registry[index].flags.contains(.contested) { refuseTakeover(index, into: &actions) }
  }

  /// Asks a peer for life with what its kind answers.
  /// - Returns: false when it has nothing that it would answer.
  package func probe(_ index: Int, at now: Instant, into actions: inout Actions) -> Bool {
    let id = registry.id(at: index)
    let frame: Range<Int>
    if registry[index].features.contains(.ping) {
      frame = actions.write { Frame.append(.ping, "", to: &$0) }
    } else if registry[index].isListed {
      frame = actions.write { Frame.append(.pubmsg, "\(identity.nick)!PUBLIC!orderbook", to: &$0) }
    } else {
      return false
    }
    actions.add(.send(frame, to: id))
    return true
  }

  func sweepSome(at now: Instant, into actions: inout Actions) {
    let elapsed = now - sweep.lastTick
    sweep.lastTick = now
    let count = registry.slots.count
    guard count > 0 else { return }
    sweep.owed += Double(count) * min(1, elapsed.seconds / limits.sweepInterval.seconds)
    while sweep.owed >= 1 {
      sweep.owed -= 1
      if sweep.cursor >= registry.slots.count { sweep.cursor = 0 }
      check(sweep.cursor, at: now, into: &actions)
      sweep.cursor += 1
    }
  }

  private func check(_ index: Int, at now: Instant, into actions: inout Actions) {
    guard registry[index].state == .present else { return }
    let idle = now - registry[index].lastReceived
    let id = registry.id(at: index)
    if idle > limits.hardEvict {
      close(id, .idle, into: &actions)
    } else if idle > limits.idleThreshold, !registry[index].flags.contains(.probed),
      probe(index, at: now, into: &actions)
    {
      counters.probesSent += 1
      registry[index].flags.insert(.probed)
      probes.append(Probe(peer: id, sentAt: now))
    }
  }

  /// All probes wait equally long, so the first one sent is the first one due.
  func expireProbes(at now: Instant, into actions: inout Actions) {
    while let probe = probes.first, probe.sentAt + limits.pongWait <= now {
      probes.removeFirst()
      // The mark may be of a later probe: it showed life and fell silent again.
      guard let index = registry.index(of: probe.peer),
        registry[index].flags.contains(.probed),
        registry[index].lastReceived < probe.sentAt
      else { continue }
      close(probe.peer, .pongTimeout, into: &actions)
    }
  }
}
