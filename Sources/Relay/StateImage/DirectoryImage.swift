import Units

/// What the directory knows beyond single peers.
package struct DirectoryImage: Equatable, ImageRecord {
  /// The relay's own nick: peers know it from their handshake and answer its probes by it.
  package var nick: [UInt8]
  /// When this was written: the pause is counted from here.
  package var writtenAt: Instant
  package var sweep: SweepImage
  /// When the fan-out budget is full again.
  package var fanoutBucket: Instant
  /// Public lines that wait for that budget, in their order.
  package var delayed: [DelayedImage]
  /// Nicks for which a holder was asked lately, and when.
  package var recentTakeovers: [RecentTakeoverImage]
  /// Peers whose lists are under way, in the order in which they go on.
  package var listing: [PeerKey]

  package init(
    nick: [UInt8], writtenAt: Instant, sweep: SweepImage, fanoutBucket: Instant,
    delayed: [DelayedImage], recentTakeovers: [RecentTakeoverImage], listing: [PeerKey]
  ) {
    self.nick = nick
    self.writtenAt = writtenAt
    self.sweep = sweep
    self.fanoutBucket = fanoutBucket
    self.delayed = delayed
    self.recentTakeovers = recentTakeovers
    self.listing = listing
  }

  package static let layout = Layout(
    DirectoryImage.init(
      nick:writtenAt:sweep:fanoutBucket:delayed:recentTakeovers:listing:)
  ) {
    (
      $0.nick, $0.writtenAt, $0.sweep, $0.fanoutBucket, $0.delayed, $0.recentTakeovers, $0.listing
    )
  }
}

/// Where the walk for idle peers stands.
package struct SweepImage: Equatable, ImageRecord {
  package var lastTick: Instant
  package var slot: UInt32
  /// Millionths of slots that should have been walked by now.
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

package struct DelayedImage: Equatable, ImageRecord {
  /// A canonical frame with its CR LF.
  package var frame: [UInt8]
  package var sender: PeerKey

  package init(frame: [UInt8], sender: PeerKey) {
    self.frame = frame
    self.sender = sender
  }

  package static let layout = Layout(DelayedImage.init(frame:sender:)) { ($0.frame, $0.sender) }
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
