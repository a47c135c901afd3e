import Units
import Wire

/// Finds the peers that are gone (protocol.md §7): Tor keeps their connections open.
extension Directory {
  /// The peer has sent something, whatever it was.
  func noteActivity(_ index: Int, into actions: inout Actions) {
    guard !registry[index].flags.isDisjoint(with: [.probed, .contested]) else { return }
    registry[index].flags.remove(.probed)
    if registry[index].flags.contains(.contested) { refuseTakeover(index, into: &actions) }
  }

  /// Sends a peer something that its kind answers.
  /// - Returns: false when it has nothing that it would answer.
  package func probe(_ index: Int, into actions: inout Actions) -> Bool {
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

  func sweepSome(into actions: inout Actions) {
    let count = registry.slots.count
    heartbeat.advance(to: now, slots: count, interval: limits.sweepInterval)
    while let index = heartbeat.nextSlot(of: count) { check(index, into: &actions) }
  }

  private func check(_ index: Int, into actions: inout Actions) {
    guard registry[index].state == .present else { return }
    let idle = now - registry[index].lastReceived
    let id = registry.id(at: index)
    if idle > limits.hardEvict {
      close(id, .idle, into: &actions)
    } else if idle > limits.idleThreshold, !registry[index].flags.contains(.probed),
      probe(index, into: &actions)
    {
      counters.probesSent += 1
      registry[index].flags.insert(.probed)
      heartbeat.noteProbe(of: id, at: now)
    }
  }

  func expireProbes(into actions: inout Actions) {
    while let probe = heartbeat.popExpiredProbe(at: now, after: limits.pongWait) {
      // `.probed` may belong to a later probe, so compare the times.
      guard let index = registry.index(of: probe.peer),
        registry[index].flags.contains(.probed),
        registry[index].lastReceived < probe.sentAt
      else { continue }
      close(probe.peer, .pongTimeout, into: &actions)
    }
  }
}
