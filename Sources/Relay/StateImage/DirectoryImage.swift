import Units

/// The directory's state that belongs to no single peer.
package struct DirectoryImage: Equatable, ImageRecord {
  /// The relay's own nick. Peers know it from the handshake and address answers to probes to it.
  package var nick: [UInt8]
  /// When this was written, on the loop's clock, which leaves out standstills of the loop. All
  /// other instants but the next are on it.
  package var writtenAt: Instant
  /// The same moment on CLOCK_MONOTONIC, from which the pause is counted.
  package var systemTime: Instant
  package var sweep: SweepImage
  package var fanOut: FanOutImage
  /// Circuits that have used something of their budgets.
  package var circuits: [CircuitImage]
  /// The queued public lines, in their order.
  package var delayed: [DelayedImage]
  /// The start of the last takeover of each nick.
  package var recentTakeovers: [RecentTakeoverImage]
  /// The peers to which a list is being sent, in the order of their turns.
  package var listing: [PeerKey]
  /// The names of the listeners for peers, in the order of their positions.
  package var listenerNames: [[UInt8]]

  package init(
    nick: [UInt8], writtenAt: Instant, systemTime: Instant, sweep: SweepImage,
    fanOut: FanOutImage, circuits: [CircuitImage],
    delayed: [DelayedImage], recentTakeovers: [RecentTakeoverImage], listing: [PeerKey],
    listenerNames: [[UInt8]]
  ) {
    self.nick = nick
    self.writtenAt = writtenAt
    self.systemTime = systemTime
    self.sweep = sweep
    self.fanOut = fanOut
    self.circuits = circuits
    self.delayed = delayed
    self.recentTakeovers = recentTakeovers
    self.listing = listing
    self.listenerNames = listenerNames
  }

  package static let layout = Layout(
    DirectoryImage.init(
      nick:writtenAt:systemTime:sweep:fanOut:circuits:delayed:recentTakeovers:listing:
      listenerNames:)
  ) {
    (
      $0.nick, $0.writtenAt, $0.systemTime, $0.sweep, $0.fanOut, $0.circuits, $0.delayed,
      $0.recentTakeovers, $0.listing, $0.listenerNames
    )
  }
}

/// The position of the heartbeat's sweep.
package struct SweepImage: Equatable, ImageRecord {
  package var lastTick: Instant
  package var slot: UInt32
  /// The slots that are due, in millionths.
  package var owed: UInt64

  package init(lastTick: Instant, slot: UInt32, owed: UInt64) {
    self.lastTick = lastTick
    self.slot = slot
    self.owed = owed
  }

  package static let layout = Layout(SweepImage.init(lastTick:slot:owed:)) {
    ($0.lastTick, $0.slot, $0.owed)
  }
}

/// The fan-out budget.
package struct FanOutImage: Equatable, ImageRecord {
  /// The current budget, in millionths of the ceiling.
  package var share: UInt64
  /// When each bucket is full again: deliveries, bytes and requests of everyone, the same of
  /// strangers, and bulk lines.
  package var buckets: [Instant]

  package init(share: UInt64, buckets: [Instant]) {
    self.share = share
    self.buckets = buckets
  }

  package static let layout = Layout(FanOutImage.init(share:buckets:)) { ($0.share, $0.buckets) }
}

package struct CircuitImage: Equatable, ImageRecord {
  package var circuit: UInt32
  /// The position of the listener whose Tor numbers it.
  package var listener: UInt16
  /// When each bucket is full again, in the order of `CircuitBudgets.Kind`.
  package var buckets: [Instant]

  package init(circuit: UInt32, listener: UInt16, buckets: [Instant]) {
    self.circuit = circuit
    self.listener = listener
    self.buckets = buckets
  }

  package static let layout = Layout(CircuitImage.init(circuit:listener:buckets:)) {
    ($0.circuit, $0.listener, $0.buckets)
  }
}

/// A public line or a `D` entry in the queue.
package struct DelayedImage: Equatable, ImageRecord {
  /// A canonical frame with its CR LF.
  package var frame: [UInt8]
  package var sender: PeerKey
  /// The owner of the flow (`FairQueue.Flow`).
  package var flow: UInt64
  package var isStranger: Bool
  package var level: UInt8
  /// Whether it asks for the order book.
  package var isRequest: Bool
  /// The nick of the sender, or of the peer that left.
  package var nick: [UInt8]
  package var isDeparture: Bool

  package init(
    frame: [UInt8], sender: PeerKey, flow: UInt64, isStranger: Bool, level: UInt8,
    isRequest: Bool, nick: [UInt8], isDeparture: Bool
  ) {
    self.frame = frame
    self.sender = sender
    self.flow = flow
    self.isStranger = isStranger
    self.level = level
    self.isRequest = isRequest
    self.nick = nick
    self.isDeparture = isDeparture
  }

  package static let layout = Layout(
    DelayedImage.init(frame:sender:flow:isStranger:level:isRequest:nick:isDeparture:)
  ) {
    (
      $0.frame, $0.sender, $0.flow, $0.isStranger, $0.level, $0.isRequest, $0.nick, $0.isDeparture
    )
  }
}

package struct RecentTakeoverImage: Equatable, ImageRecord {
  package var nick: [UInt8]
  package var at: Instant

  package init(nick: [UInt8], at: Instant) {
    self.nick = nick
    self.at = at
  }

  package static let layout = Layout(RecentTakeoverImage.init(nick:at:)) { ($0.nick, $0.at) }
}
