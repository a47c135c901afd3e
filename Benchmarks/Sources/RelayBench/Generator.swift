#if os(Linux)
  import Glibc

  /// Generates the load: one process, one thread, one epoll, up to 19,000 peers.
  ///
  /// A scenario creates a generator, connects it, sends, and waits for conditions with `pump`.
  /// Every receiver checks every measured line. The run fails if a number of a stream is missing,
  /// duplicated or out of order. Only sampled peers read the time in it, so that the generator
  /// costs less than the node.
  final class Generator {
    static let mostPeers = 19_000
    private static let readRoom = 256 << 10

    let address: Address
    let source: String?
    let network: String
    let lineBytes: Int
    let count: Int
    let streams: Int
    /// Whether a stream's lines reach every receiver (public) or only one (private).
    let isPublic: Bool
    let salt: Int
    let peers: UnsafeMutablePointer<Peer>
    var reaction = Reaction.none
    /// The number of measured lines that have arrived, over all receivers.
    var deliveries = 0
    /// Nanoseconds from writing to reading, at the sampled peers.
    var latencies: [Int64] = []
    private(set) var readyCount = 0
    private(set) var goneCount = 0

    let poller: Poller
    private let buffer: UnsafeMutablePointer<UInt8>
    private let expected: UnsafeMutablePointer<UInt32>
    private let expectedCount: Int
    private var failure: BenchError?
    private var unstarted = 0
    var templates: [Int: [UInt8]] = [:]

    /// Peers numbered from 0; the first `makers` of them serve an onion. Senders are the peers
    /// below `streams`, one stream each.
    init(
      _ target: Target, count: Int, makers: Range<Int>, streams: Int = 1, isPublic: Bool = true,
      lineBytes: Int? = nil
    ) throws(BenchError) {
      guard count <= Self.mostPeers else {
        throw BenchError("\(count) peers: one process holds at most \(Self.mostPeers)")
      }
      address = target.address
      source = target.source
      network = target.network
      self.lineBytes = lineBytes ?? target.lineBytes
      self.count = count
      self.streams = streams
      self.isPublic = isPublic
      salt = Int(getpid())
      poller = try Poller()
      peers = .allocate(capacity: count)
      peers.initialize(repeating: Peer(), count: count)
      buffer = .allocate(capacity: Self.readRoom)
      expectedCount = isPublic ? count * streams : streams
      expected = .allocate(capacity: expectedCount)
      expected.initialize(repeating: 0, count: expectedCount)
      let step = max(1, count / 64)
      for i in 0..<count {
        peers[i].isMaker = makers.contains(i)
        peers[i].isSampled = i % step == 0 || !isPublic
      }
    }

    deinit {
      for i in 0..<count { drop(i, reset: true) }
      poller.close()
      peers.deallocate()
      buffer.deallocate()
      expected.deallocate()
    }

    func nick(_ i: Int) -> String { Lines.nick(i, salt: salt) }

    // MARK: Connections

    /// Connects all peers and completes their handshakes, at most `atATime` of them at once.
    func connect(atATime: Int = 256, within seconds: Int = 120) throws(BenchError) {
      unstarted = 0
      let deadline = Clock.now() + Int64(seconds) * 1_000_000_000
      while readyCount < count {
        while unstarted < count, unstarted - readyCount < atATime {
          guard try start(unstarted) else { break }
          unstarted += 1
        }
        try turn(until: deadline)
        guard Clock.now() < deadline else {
          throw BenchError("\(readyCount) of \(count) peers had their handshake in \(seconds) s")
        }
      }
    }

    private func start(_ i: Int) throws(BenchError) -> Bool {
      guard case .started(let fd) = try Socket.connect(to: address, from: source) else {
        return false
      }
      peers[i].fd = fd
      peers[i].phase = .connecting
      poller.add(fd, Poller.writable, tag: Int32(i))
      return true
    }

    private func greet(_ i: Int) {
      if let why = Socket.refusal(peers[i].fd) {
        drop(i, reset: true)
        return fail("connecting to \(address): \(why)")
      }
      peers[i].phase = .handshaking
      poller.change(peers[i].fd, Poller.readable, tag: Int32(i))
      let location = peers[i].isMaker ? Lines.onion(i, salt: salt) : "NOT-SERVING-ONION"
      send(Lines.handshake(nick: nick(i), location: location, network: network), from: i)
    }

    /// Closes a connection, with a reset if its port must be free at once.
    func drop(_ i: Int, reset: Bool) {
      guard peers[i].fd >= 0 else { return }
      if reset { Socket.abort(peers[i].fd) } else { close(peers[i].fd) }
      peers[i].fd = -1
      peers[i].phase = .gone
      peers[i].input.release()
      peers[i].output.release()
    }

    /// Stops reading from a peer's socket, which stays open.
    func freeze(_ i: Int) {
      peers[i].mayBeClosed = true
      poller.change(peers[i].fd, 0, tag: Int32(i))
    }

    func closedByNode(_ i: Int) {
      if !peers[i].mayBeClosed { fail("the node closed peer \(i) (\(peers[i].phase))") }
      goneCount += 1
      drop(i, reset: true)
    }

    func fail(_ why: String) { if failure == nil { failure = BenchError(why) } }

    // MARK: The loop

    /// Runs the loop until `done` or the deadline. Returns whether it is done.
    func pump(until deadline: Int64, _ done: () -> Bool = { false }) throws(BenchError) -> Bool {
      while !done() {
        guard Clock.now() < deadline else { return false }
        try turn(until: deadline)
      }
      return true
    }

    /// Runs the loop until `done`. Throws if that takes longer than `seconds`.
    func await(_ what: String, within seconds: Int, _ done: () -> Bool) throws(BenchError) {
      guard try pump(until: Clock.now() + Int64(seconds) * 1_000_000_000, done) else {
        throw BenchError("not within \(seconds) s: \(what) (\(deliveries) lines have arrived)")
      }
    }

    private func turn(until deadline: Int64) throws(BenchError) {
      if Interruption.isRequested { throw BenchError("interrupted") }
      let left = max(0, (deadline - Clock.now() + 999_999) / 1_000_000)
      for e in 0..<poller.wait(Int32(min(left, unstarted < count ? 1 : 20))) {
        let (tag, what) = poller.ready(e)
        let i = Int(tag)
        guard peers[i].fd >= 0 else { continue }
        if peers[i].phase == .connecting {
          greet(i)
        } else {
          if what & Poller.writable != 0 { drain(i) }
          if what & ~Poller.writable != 0 { read(i) }
        }
      }
      if let failure { throw failure }
    }

    private func drain(_ i: Int) {
      while !peers[i].output.isEmpty {
        guard let n = Socket.send(peers[i].fd, peers[i].output.pointer, peers[i].output.count)
        else {
          return closedByNode(i)
        }
        if n == 0 { return }
        peers[i].output.consume(n)
      }
      poller.change(peers[i].fd, Poller.readable, tag: Int32(i))
    }

    private func read(_ i: Int) {
      switch Socket.receive(peers[i].fd, into: buffer, Self.readRoom) {
      case .nothing: break
      case .ended: closedByNode(i)
      case .bytes(let n):
        let before = deliveries
        if peers[i].input.isEmpty {
          let used = lines(of: i, buffer, n)
          if used < n, peers[i].fd >= 0 { peers[i].input.append(buffer + used, n - used) }
        } else {
          peers[i].input.append(buffer, n)
          let used = lines(of: i, peers[i].input.pointer, peers[i].input.count)
          if used > 0, peers[i].fd >= 0 { peers[i].input.consume(used) }
        }
        if case .keepInFlight(let pairs, let total) = reaction, i >= pairs {
          let sender = i - pairs
          let more = min(deliveries - before, total - peers[sender].nextNumber)
          if more > 0 { sendMeasured(from: sender, count: more) }
        }
      }
    }

    private func lines(of i: Int, _ start: UnsafeMutablePointer<UInt8>, _ n: Int) -> Int {
      let now = peers[i].isSampled ? Clock.now() : 0
      var used = 0
      while used < n, let end = memchr(start + used, 10, n - used) {
        let length = UnsafeRawPointer(end) - UnsafeRawPointer(start + used)
        received(start + used, length, by: i, at: now)
        used += length + 1
      }
      return used
    }

    private func received(_ line: UnsafePointer<UInt8>, _ n: Int, by i: Int, at now: Int64) {
      switch Lines.type(line, n) {
      case 687, 685:
        if let part = Lines.measuredPart(line, n) {
          count(line + part, by: i, at: now)
        } else if case .answerOrderbook = reaction, peers[i].isMaker,
          Lines.contains(line, n, "!PUBLIC!orderbook")
        {
          sendMeasured(from: i, count: 1)
        }
      case 789:
        let (listed, left) = Lines.entries(line, n)
        peers[i].listed += listed
        peers[i].left += left
      case 795:
        guard Lines.accepts(line, n) else {
          return fail(
            "refused: "
              + String(decoding: UnsafeBufferPointer(start: line, count: n), as: UTF8.self)
          )
        }
        peers[i].phase = .ready
        readyCount += 1
      case 798: send(Lines.frame(799, ""), from: i)
      case 0: fail("peer \(i) got what is no frame")
      default: break
      }
    }

    private func count(_ part: UnsafePointer<UInt8>, by i: Int, at now: Int64) {
      let stream = Int(Lines.number(part, 5))
      guard stream < streams else {
        return fail("peer \(i) got a line of the unknown stream \(stream)")
      }
      let slot = isPublic ? i * streams + stream : stream
      let number = UInt32(truncatingIfNeeded: Lines.number(part + 6, 10))
      if number != expected[slot] {
        fail("peer \(i) got line \(number) of stream \(stream) instead of \(expected[slot])")
      }
      expected[slot] = number &+ 1
      deliveries += 1
      if now > 0 { latencies.append(now - Lines.number(part + 17, 19)) }
    }
  }
#endif
