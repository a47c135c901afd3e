import Units

@testable import StateImage

/// An image in which every field has a different value, so that two swapped fields are noticed.
enum SampleImage {
  static let origin = ImageOrigin(bootID: Array(1...16), network: .signet)

  static let image = StateImage(
    directory: DirectoryImage(
      nick: text("J5relayrelayrela"), writtenAt: at(1), systemTime: at(41),
      sweep: SweepImage(lastTick: at(2), slot: 3, owed: 4),
      fanOut: FanOutImage(share: 5, buckets: [at(42)]),
      circuits: [CircuitImage(circuit: 43, listener: 49, buckets: [at(44)])],
      delayed: [
        DelayedImage(
          frame: text("a frame\r\n"), sender: key(6), flow: 45, isStranger: true, level: 46,
          isRequest: false, nick: text("J5delayeddelayed_"), isDeparture: true)
      ],
      recentTakeovers: [RecentTakeoverImage(nick: text("J5recentrecentrec"), at: at(7))],
      listing: [key(8), key(9)], listenerNames: [text("tcp"), text("tor-2")]),
    listeners: [
      ListenerImage(
        purpose: .peers, cookie: 10, configured: text("127.0.0.1:5222"), fileDevice: 0,
        fileInode: 0),
      ListenerImage(
        purpose: .status, cookie: 11, configured: text("unix:/run/status"), fileDevice: 12,
        fileInode: 13),
    ],
    peers: [present, waiting],
    lingering: [
      LingeringImage(
        socket: SocketImage(cookie: 14, input: [], output: text("goodbye")), deadline: at(15))
    ])

  static let present = PeerImage(
    key: key(16), socket: SocketImage(cookie: 17, input: text("half a li"), output: text("rest")),
    phase: .reading, listener: 50, backlogProgressAt: at(18), backlogTakenAt: at(51),
    state: .present, flags: 0x3413, features: 20,
    nick: text("J5presentpresent"), entry: text("J5presentpresent;NOT-SERVING-ONION"),
    featureText: text("peerlist_features+ping"), connectedAt: at(21), lastReceived: at(22),
    buckets: PeerBuckets(
      messages: at(23), publicFrames: at(24), publicBytes: at(47), orderbookRequests: at(25),
      peerlistRequests: at(26)),
    violations: 27, keyTag: 28, circuit: 29, offers: [30, 31], listsFrom: 32, handshake: nil,
    proof: nil, takeover: nil, probedAt: at(33),
    readAt: at(52), watchedAt: at(53))

  static let waiting = PeerImage(
    key: key(34), socket: SocketImage(cookie: 35, input: [], output: []), phase: .held,
    listener: 0, backlogProgressAt: at(36), backlogTakenAt: at(54), state: .waiting, flags: 0,
    features: 0,
    nick: text("J5presentpresent"), entry: [], featureText: [], connectedAt: at(37),
    lastReceived: at(38),
    buckets: PeerBuckets(
      messages: at(-1), publicFrames: at(-2), publicBytes: at(48), orderbookRequests: at(-3),
      peerlistRequests: at(-4)),
    violations: 0, keyTag: 0, circuit: nil, offers: [], listsFrom: nil,
    handshake: HandshakeImage(
      nick: text("J5presentpresent"), location: text("host:5222"), locationWasUnusable: false,
      features: text("ping"), advertisedNoFeature: true, lineDigest: Array(100...131)),
    proof: ProofImage(nonce: Array(132...163), directoryID: text("host:5222"), deadline: at(39)),
    takeover: TakeoverImage(holder: key(16), deadline: at(40)), probedAt: nil,
    readAt: nil, watchedAt: nil)

  private static func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }
  private static func key(_ slot: Int32) -> PeerKey {
    PeerKey(slot: slot, generation: UInt32(slot) + 1_000)
  }
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }
}
