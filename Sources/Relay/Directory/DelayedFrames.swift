import DequeModule
import Units
import Wire

/// Public frames that wait until the fan-out budget (`FANOUT_RATE_LIMIT`) has room for them, in the order in which they came.
package struct DelayedFrames {
  private struct Entry {
    let frame: [UInt8]
    let sender: PeerID
  }

  private var queue: Deque<Entry> = []
  package private(set) var bytes = 0

  package var count: Int { queue.count }

  /// - Returns: false when there is no room for it; for one there always is.
  package mutating func add(_ frame: Frame, from sender: PeerID) -> Bool {
    guard queue.isEmpty || bytes + frame.body.count <= Limits.delayedBytes.bytes else {
      return false
    }
    queue.append(Entry(frame: Array(frame.body) + [13, 10], sender: sender))
    bytes += frame.body.count
    return true
  }

  package mutating func popFirst() -> (frame: [UInt8], sender: PeerID)? {
    guard let entry = queue.popFirst() else { return nil }
    bytes -= entry.frame.count - 2
    return (entry.frame, entry.sender)
  }
}

extension Directory {
  /// Lets out as many delayed frames as the budget allows: each costs a token per receiver.
  func releaseDelayed(at now: Instant, into actions: inout Actions) {
    while delayed.count > 0,
      fanout.take(max(1, registry.peerCount - 1), of: limits.fanout, at: now),
      let (frame, sender) = delayed.popFirst()
    {
      // Behind the news of its leaving a frame would only mislead, all the more when its nick has a new owner.
      guard registry.index(of: sender) != nil else { continue }
      let range = actions.write { $0.append(contentsOf: frame) }
      actions.add(.sendAll(range, except: sender))
    }
  }
}
