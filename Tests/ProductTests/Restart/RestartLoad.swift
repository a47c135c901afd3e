// Peers that send lines all the time, also while the relay restarts, and check that every line
// arrives exactly once and in order.

import Glibc
import TestSupport

final class RestartLoad {
  struct Size {
    var peers = 200
    var publicSenders = 10
    var pairs = 40
    /// The number of peers that read nothing until `everyoneReads()`. Each has its own sender.
    var slowReaders = 6
  }

  /// One sender's lines to all peers or to one peer, as frames.
  private struct Stream {
    let sender: Int
    /// Nil: all other peers.
    let receiver: Int?
    let padding: Int
    var frames: [[UInt8]] = []
  }

  private final class Peer {
    let socket: TestSocket
    let nick: String
    var isReading = true
    var outgoing: [UInt8] = []
    var sent = 0
    var incoming: [UInt8] = []
    /// The index of the next expected frame of each stream. −1: it has joined late and accepts any
    /// first frame.
    var next: [Int]
    var pongs = 0

    init(_ socket: TestSocket, _ nick: String, _ next: [Int]) {
      self.socket = socket
      self.nick = nick
      self.next = next
    }
  }

  private let size: Size
  private var peers: [Peer] = []
  private var streams: [Stream] = []
  private var random = SplitMix64(seed: 11)
  private(set) var linesReceived = 0
  /// The time at which the last line arrived.
  private(set) var lastReceived = 0.0

  private var bulkStreams: Range<Int> { streams.count - size.slowReaders..<streams.count }

  /// Connects all peers, half of them over TCP and half over the Unix socket, and completes their
  /// handshakes.
  init(_ size: Size, to relay: RelayProcess, unix path: String) throws {
    self.size = size
    precondition(size.peers >= size.publicSenders + 2 * (size.pairs + size.slowReaders))
    for sender in 0..<size.publicSenders {
      streams.append(Stream(sender: sender, receiver: nil, padding: 300))
    }
    for pair in 0..<size.pairs + size.slowReaders {
      let sender = size.publicSenders + 2 * pair
      streams.append(
        Stream(sender: sender, receiver: sender + 1, padding: pair < size.pairs ? 700 : 40_000))
    }
    let slow = Set(bulkStreams.compactMap { streams[$0].receiver })
    let accepted = Frames.accepted(by: try relay.nick)
    while peers.count < size.peers {
      let batch = try (peers.count..<min(size.peers, peers.count + 100)).map { number in
        let place = number / 2 % 2 == 0 ? TestSocket.Address.unix(path) : .tcp(try relay.port)
        let socket = try TestSocket(place, receiveBuffer: slow.contains(number) ? 4_096 : nil)
        let peer = Peer(socket, nickNumber(number + 1), streams.map { _ in 0 })
        peer.isReading = !slow.contains(number)
        try socket.send(Array(Hello.taker(number + 1).frame.utf8))
        return peer
      }
      for peer in batch { try Self.expect(accepted, from: peer) }
      peers += batch
    }
  }

  private static func expect(_ frame: String, from peer: Peer) throws {
    while peer.incoming.count < frame.utf8.count {
      guard let more = try peer.socket.receive(within: 60) else {
        throw TestFailure("\(peer.nick) is closed")
      }
      peer.incoming += more
    }
    guard peer.incoming.starts(with: frame.utf8) else {
      throw TestFailure("\(peer.nick): \(String(decoding: peer.incoming, as: UTF8.self))")
    }
    peer.incoming.removeFirst(frame.utf8.count)
  }

  /// Connects a peer while there may be no relay, and sends its handshake at once.
  func connectNewcomer(_ address: TestSocket.Address) throws {
    let number = peers.count + joining.count + 1
    let peer = Peer(try TestSocket(address), nickNumber(number), streams.map { _ in -1 })
    try peer.socket.send(Array(Hello.taker(number).frame.utf8))
    joining.append(peer)
  }

  private var joining: [Peer] = []

  /// Expects that the joining peers are admitted. They read from now on.
  func expectNewcomers(by nick: String) throws {
    for peer in joining {
      try Self.expect(Frames.accepted(by: nick), from: peer)
      peers.append(peer)
    }
    joining = []
  }

  // MARK: Sending

  func sendPublic() { send(in: random.below(size.publicSenders)) }
  func sendPrivate() { send(in: size.publicSenders + random.below(size.pairs)) }

  /// Queues a line of 40 kB for each slow reader.
  func sendToSlowReaders() { for stream in bulkStreams { send(in: stream) } }

  private func send(in number: Int) {
    let stream = streams[number]
    let sender = peers[stream.sender]
    let receiver = stream.receiver.map { peers[$0].nick } ?? "PUBLIC"
    let padding = String(repeating: "x", count: random.below(stream.padding))
    let frame = Array(
      Frames.frame(
        stream.receiver == nil ? 687 : 685,
        "\(sender.nick)!\(receiver)!s\(number) \(stream.frames.count) \(padding)"
      ).utf8)
    streams[number].frames.append(frame)
    sender.outgoing += frame
  }

  /// Every peer sends a part of its queued bytes, so that writes end anywhere in a line, and reads
  /// what has arrived.
  /// - Throws: for unexpected frames, and if a connection ends.
  func step() throws {
    for peer in peers {
      if peer.sent < peer.outgoing.count {
        let left = peer.outgoing.count - peer.sent
        try send(random.below(min(left, 65_536)) + 1, of: peer)
      }
      if peer.isReading { try read(peer) }
    }
    pause(seconds: 0.001)
  }

  /// Reads for all reading peers until nothing more is available.
  func readWhatHasCome() throws {
    var received = -1
    while received != linesReceived {
      received = linesReceived
      for peer in peers where peer.isReading { try read(peer) }
    }
  }

  /// Sends all queued lines, as far as the kernel takes them.
  func sendEverything() throws {
    for peer in peers where peer.sent < peer.outgoing.count {
      try send(peer.outgoing.count - peer.sent, of: peer)
    }
  }

  private func send(_ count: Int, of peer: Peer) throws {
    guard let sent = peer.socket.sendSome(peer.outgoing[peer.sent..<peer.sent + count]) else {
      throw TestFailure("\(peer.nick) is closed while it sends")
    }
    peer.sent += sent
    if peer.sent == peer.outgoing.count {
      peer.outgoing.removeAll(keepingCapacity: true)
      peer.sent = 0
    }
  }

  func everyoneReads() { for peer in peers { peer.isReading = true } }

  // MARK: Receiving

  private func read(_ peer: Peer) throws {
    while true {
      switch peer.socket.receiveSome() {
      case nil: throw TestFailure("\(peer.nick) is closed")
      case .some(let bytes) where bytes.isEmpty: return
      case .some(let bytes):
        peer.incoming += bytes
        try takeFrames(of: peer)
      }
    }
  }

  private func takeFrames(of peer: Peer) throws {
    var taken = 0
    try peer.incoming.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      while let end = memchr(start + taken, 10, bytes.count - taken) {
        let next = UnsafeRawPointer(end) - start + 1
        try take(UnsafeRawBufferPointer(rebasing: bytes[taken..<next]), at: peer)
        taken = next
      }
    }
    if taken == peer.incoming.count {
      peer.incoming.removeAll(keepingCapacity: true)
    } else {
      peer.incoming.removeFirst(taken)
    }
  }

  private static let ping = Array(Frames.ping.utf8)
  private static let pong = Array(Frames.pong.utf8)
  private static let lineStart = #"{"type": 687, "line": ""#.utf8.count

  private func take(_ frame: UnsafeRawBufferPointer, at peer: Peer) throws {
    if frame.elementsEqual(Self.ping) {
      peer.outgoing += Self.pong
      return
    }
    if frame.elementsEqual(Self.pong) {
      peer.pongs += 1
      return
    }
    guard let number = stream(of: frame), isReceiver(peer, of: streams[number]) else {
      throw TestFailure("\(peer.nick) got \(String(decoding: frame, as: UTF8.self))")
    }
    var expected = peer.next[number]
    if expected < 0 {
      expected = streams[number].frames.firstIndex { isEqual($0, frame) } ?? 0
    }
    guard expected < streams[number].frames.count,
      isEqual(streams[number].frames[expected], frame)
    else {
      throw TestFailure(
        "\(peer.nick) expects frame \(expected) of stream \(number), not "
          + String(decoding: frame.prefix(120), as: UTF8.self))
    }
    peer.next[number] = expected + 1
    linesReceived += 1
    lastReceived = monotonicSeconds()
  }

  private func isEqual(_ expected: [UInt8], _ frame: UnsafeRawBufferPointer) -> Bool {
    expected.withUnsafeBytes {
      guard $0.count == frame.count, let one = $0.baseAddress, let other = frame.baseAddress else {
        return false
      }
      return memcmp(one, other, frame.count) == 0
    }
  }

  private func isReceiver(_ peer: Peer, of stream: Stream) -> Bool {
    stream.receiver.map { peers[$0] === peer } ?? (peers[stream.sender] !== peer)
  }

  /// The stream's number: it follows `!s`, after the sender and the receiver of every line.
  private func stream(of frame: UnsafeRawBufferPointer) -> Int? {
    guard frame.count > Self.lineStart else { return nil }
    let isPublic = frame[Self.lineStart - 12] == UInt8(ascii: "7")
    var place = Self.lineStart + 16 + (isPublic ? 8 : 18)
    guard place < frame.count, frame[place] == UInt8(ascii: "s") else { return nil }
    var number = 0
    place += 1
    while place < frame.count, let digit = Character(UnicodeScalar(frame[place])).wholeNumberValue {
      number = number * 10 + digit
      place += 1
    }
    return streams.indices.contains(number) ? number : nil
  }

  // MARK: The end

  /// Waits until all lines are sent and have arrived everywhere. Then a PONG must be the next frame
  /// of each peer.
  func settle(within seconds: Double) throws {
    let deadline = monotonicSeconds() + seconds
    func stepUntil(_ what: String, _ condition: () -> Bool) throws {
      while !condition() {
        guard monotonicSeconds() < deadline else { throw TestFailure("\(what): \(missing)") }
        try step()
      }
    }
    try stepUntil("not all lines have arrived") { missing == 0 }
    for peer in peers {
      peer.pongs = 0
      peer.outgoing += Self.ping
    }
    try stepUntil("not all PONGs have arrived") { peers.allSatisfy { $0.pongs == 1 } }
  }

  /// The number of lines that have not arrived yet, over all receivers.
  private var missing: Int {
    var count = 0
    for (number, stream) in streams.enumerated() {
      let receivers = stream.receiver.map { [peers[$0]] } ?? peers
      for peer in receivers where peer !== peers[stream.sender] && peer.next[number] >= 0 {
        count += stream.frames.count - peer.next[number]
      }
    }
    return count
  }
}
