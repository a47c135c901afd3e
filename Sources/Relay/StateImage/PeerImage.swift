import Units

/// The state of one connection that the directory knows, its socket included.
package struct PeerImage: Equatable, ImageRecord {
  /// What the server expects from it next.
  package enum Phase: UInt8, CaseIterable, ImageField {
    case expectingProxyLine = 0
    case reading = 1
    /// The next line is the proof of its nick.
    case proving = 2
    /// Not read until the directory decides: it waits for a nick.
    case held = 3
  }

  /// Its state in the directory.
  package enum State: UInt8, CaseIterable, ImageField {
    case pending = 0
    case waiting = 1
    case proving = 2
    case present = 3
  }

  package var key: PeerKey
  package var socket: SocketImage
  package var phase: Phase
  /// The position of its listener among `DirectoryImage.listenerNames`.
  package var listener: UInt16
  /// When it last read some of its backlog, or had little to read.
  package var backlogProgressAt: Instant
  /// When it last read some of its backlog.
  package var backlogTakenAt: Instant

  package var state: State
  package var flags: UInt16
  /// The features that the relay uses, one bit each.
  package var features: UInt8
  /// 16 bytes of ASCII; zeros before the handshake.
  package var nick: [UInt8]
  package var entry: [UInt8]
  package var featureText: [UInt8]
  package var connectedAt: Instant
  package var lastReceived: Instant
  package var buckets: PeerBuckets
  package var violations: UInt32
  package var keyTag: UInt64
  package var circuit: UInt32?
  package var offers: [UInt64]
  /// The slot from which its peerlist continues; nil when none is being sent.
  package var listsFrom: Int32?

  /// Its handshake, while it waits for its nick or has to prove it.
  package var handshake: HandshakeImage?
  package var proof: ProofImage?
  package var takeover: TakeoverImage?
  /// When it was sent a probe that it has not answered.
  package var probedAt: Instant?
  /// When it last read bytes that were queued before that probe.
  package var readAt: Instant?
  /// When it last read some of the bytes before a probe in its backlog.
  package var watchedAt: Instant?

  package init(
    key: PeerKey, socket: SocketImage, phase: Phase, listener: UInt16, backlogProgressAt: Instant,
    backlogTakenAt: Instant, state: State, flags: UInt16, features: UInt8, nick: [UInt8],
    entry: [UInt8], featureText: [UInt8],
    connectedAt: Instant, lastReceived: Instant, buckets: PeerBuckets, violations: UInt32,
    keyTag: UInt64, circuit: UInt32?, offers: [UInt64], listsFrom: Int32?,
    handshake: HandshakeImage?, proof: ProofImage?, takeover: TakeoverImage?, probedAt: Instant?,
    readAt: Instant?, watchedAt: Instant?
  ) {
    self.key = key
    self.socket = socket
    self.phase = phase
    self.listener = listener
    self.backlogProgressAt = backlogProgressAt
    self.backlogTakenAt = backlogTakenAt
    self.state = state
    self.flags = flags
    self.features = features
    self.nick = nick
    self.entry = entry
    self.featureText = featureText
    self.connectedAt = connectedAt
    self.lastReceived = lastReceived
    self.buckets = buckets
    self.violations = violations
    self.keyTag = keyTag
    self.circuit = circuit
    self.offers = offers
    self.listsFrom = listsFrom
    self.handshake = handshake
    self.proof = proof
    self.takeover = takeover
    self.probedAt = probedAt
    self.readAt = readAt
    self.watchedAt = watchedAt
  }

  package static let layout = Layout(
    PeerImage.init(
      key:socket:phase:listener:backlogProgressAt:backlogTakenAt:state:flags:features:nick:entry:
      featureText:connectedAt:
      lastReceived:buckets:violations:keyTag:circuit:offers:listsFrom:handshake:proof:takeover:
      probedAt:readAt:watchedAt:)
  ) {
    (
      $0.key, $0.socket, $0.phase, $0.listener, $0.backlogProgressAt, $0.backlogTakenAt, $0.state,
      $0.flags, $0.features, $0.nick,
      $0.entry, $0.featureText, $0.connectedAt, $0.lastReceived, $0.buckets, $0.violations,
      $0.keyTag, $0.circuit, $0.offers, $0.listsFrom, $0.handshake, $0.proof, $0.takeover,
      $0.probedAt, $0.readAt, $0.watchedAt
    )
  }
}

/// When each of a peer's token buckets is full again.
package struct PeerBuckets: Equatable, ImageRecord {
  package var messages: Instant
  package var publicFrames: Instant
  package var publicBytes: Instant
  package var orderbookRequests: Instant
  package var peerlistRequests: Instant

  package init(
    messages: Instant, publicFrames: Instant, publicBytes: Instant, orderbookRequests: Instant,
    peerlistRequests: Instant
  ) {
    self.messages = messages
    self.publicFrames = publicFrames
    self.publicBytes = publicBytes
    self.orderbookRequests = orderbookRequests
    self.peerlistRequests = peerlistRequests
  }

  package static let layout = Layout(
    PeerBuckets.init(messages:publicFrames:publicBytes:orderbookRequests:peerlistRequests:)
  ) { ($0.messages, $0.publicFrames, $0.publicBytes, $0.orderbookRequests, $0.peerlistRequests) }
}

/// A handshake that was read and not decided yet.
package struct HandshakeImage: Equatable, ImageRecord {
  package var nick: [UInt8]
  /// `host:port`; nil for one that serves no onion.
  package var location: [UInt8]?
  package var locationWasUnusable: Bool
  /// The names of its features, joined by `+`.
  package var features: [UInt8]
  package var advertisedNoFeature: Bool
  package var lineDigest: [UInt8]

  package init(
    nick: [UInt8], location: [UInt8]?, locationWasUnusable: Bool, features: [UInt8],
    advertisedNoFeature: Bool, lineDigest: [UInt8]
  ) {
    self.nick = nick
    self.location = location
    self.locationWasUnusable = locationWasUnusable
    self.features = features
    self.advertisedNoFeature = advertisedNoFeature
    self.lineDigest = lineDigest
  }

  package static let layout = Layout(
    HandshakeImage.init(
      nick:location:locationWasUnusable:features:advertisedNoFeature:lineDigest:)
  ) {
    (
      $0.nick, $0.location, $0.locationWasUnusable, $0.features, $0.advertisedNoFeature,
      $0.lineDigest
    )
  }
}

/// The nonce that a peer has to sign, the relay's name in it, and the deadline.
package struct ProofImage: Equatable, ImageRecord {
  package var nonce: [UInt8]
  package var directoryID: [UInt8]
  package var deadline: Instant

  package init(nonce: [UInt8], directoryID: [UInt8], deadline: Instant) {
    self.nonce = nonce
    self.directoryID = directoryID
    self.deadline = deadline
  }

  package static let layout = Layout(ProofImage.init(nonce:directoryID:deadline:)) {
    ($0.nonce, $0.directoryID, $0.deadline)
  }
}

/// The peer waits for the nick of `holder`, which loses the nick if it is silent until `deadline`.
package struct TakeoverImage: Equatable, ImageRecord {
  package var holder: PeerKey
  package var deadline: Instant

  package init(holder: PeerKey, deadline: Instant) {
    self.holder = holder
    self.deadline = deadline
  }

  package static let layout = Layout(TakeoverImage.init(holder:deadline:)) {
    ($0.holder, $0.deadline)
  }
}
