import Units
import Wire

/// Finds peers that are gone although Tor keeps their connections open (protocol.md §7).
extension Directory {
  /// Records that the peer has sent something.
  func noteActivity(_ index: Int, into actions: inout Actions) {
    guard !registry[index].flags.isDisjoint(with: [.probed, .contested, .evictable]) else { return }
    registry[index].flags.remove(.probed)
    registry.setEvictable(false, at: index)
    if registry[index].flags.contains(.contested) { refuseTakeover(index, into: &actions) }
  }

  /// Sends a peer a probe that its kind of client answers.
  /// - Returns: false when there is no probe that it would answer.
  package func probe(_ index: Int, into actions: inout Actions) -> Bool {
    let id = registry.id(at: index)
    let message: Actions.Message
    if registry[index].features.contains(.ping) {
      message = actions.make(.ping, line: "")
    } else if registry[index].isListed {
      message = actions.make(.pubmsg, line: "\(identity.nick)!PUBLIC!orderbook")
    } else {
      return false
    }
    actions.add(.probe(message, to: id))
    return true
  }

  /// Whether this kind of peer answers some probe.
  private func canBeProbed(_ index: Int) -> Bool {
    registry[index].features.contains(.ping) || registry[index].isListed
  }

  func sweepSome(into actions: inout Actions) {
    let count = registry.slots.count
    heartbeat.advance(to: now, slots: count, interval: limits.sweepInterval)
    while let index = heartbeat.nextSlot(of: count) { check(index, into: &actions) }
  }

  private func check(_ index: Int, into actions: inout Actions) {
    guard registry[index].state == .present else { return }
    let idle = now - registry[index].lastReceived
    guard idle > limits.idleThreshold else { return }
    // A client without `ping` may be silent for hours, so silence does not mean that it is gone.
    guard canBeProbed(index) else { return registry.setEvictable(true, at: index) }
    let id = registry.id(at: index)
    if idle > limits.hardEvict {
      close(id, .idle, into: &actions)
    } else if !registry[index].flags.contains(.probed), probe(index, into: &actions) {
      counters.probesSent += 1
      registry[index].flags.insert(.probed)
      heartbeat.noteProbe(of: id, at: now)
    }
  }

  func expireProbes(into actions: inout Actions) {
    while let probe = heartbeat.popExpiredProbe(at: now, after: limits.pongWait) {
      let reading = heartbeat.takeReading(of: probe.peer)
      // `.probed` may belong to a later probe, so compare the times.
      guard let index = registry.index(of: probe.peer),
        registry[index].flags.contains(.probed),
        registry[index].lastReceived < probe.sentAt
      else { continue }
      // It cannot answer before it has read the probe.
      if let reading, now < reading + limits.pongWait {
        heartbeat.noteProbe(of: probe.peer, at: now)
        continue
      }
      close(probe.peer, .pongTimeout, into: &actions)
    }
  }
}
