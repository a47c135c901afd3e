#if os(Linux)
  import Glibc

  /// Decides what the peers of a pool do. The pool's loop calls it, on its thread.
  protocol PeerPoolOwner: AnyObject {
    /// Called when the relay's 795 has accepted the peer in this slot.
    func accepted(_ slot: Int)
    /// Called for each line other than 795 and 798; `n` is its length in bytes without the LF.
    func received(_ slot: Int, type: Int, _ line: UnsafeMutablePointer<UInt8>, _ n: Int)
    /// Called when the connection has ended: the relay closed or refused it, or sending failed.
    func closed(_ slot: Int, by end: PeerPool.End)
  }

  /// Connections to a relay's Unix socket on one epoll, in numbered slots that can be used again.
  ///
  /// The pool connects, sends, splits the input into lines and answers PING. A slot may have a read
  /// rate, which limits the bytes read from its socket, with a burst of four seconds. At 50 kB/s
  /// that is what a Tor circuit holds in flight: less than half of its 1,000 cells.
  final class PeerPool {
    static let mostPeers = 19_000
    static let burstSeconds = 4
    private static let readRoom = 256 << 10

    enum Phase { case free, handshaking, ready }

    /// How a connection ended. `rejected`: 795 with `"accepted": false`.
    enum End { case refused, rejected, afterHandshake }

    struct Slot {
      var fd: Int32 = -1
      var phase = Phase.free
      var input = Bytes()
      var output = Bytes()
      /// Bytes a second; 0: no limit.
      var readRate = 0
      /// The bytes that may be read, and the time of the last update.
      var credit = 0.0
      var creditedAt: Int64 = 0
      var isPaused = false
      var openedAt: Int64 = 0
      /// The number of times that the slot was opened. It tells a new connection from an earlier
      /// one.
      var openings = 0
      /// Whether the peer answers PING. The relay evicts a peer that does not.
      var answersPing = true
    }

    let path: String
    let count: Int
    let slots: UnsafeMutablePointer<Slot>
    weak var owner: (any PeerPoolOwner)?
    private(set) var readyCount = 0
    private let poller: Poller
    private let buffer: UnsafeMutablePointer<UInt8>
    private var paused: [Int] = []
    private static let pong = Lines.frame(799, "")

    init(_ path: String, count: Int) throws(BenchError) {
      guard count <= Self.mostPeers else {
        throw BenchError("\(count) peers: one process holds at most \(Self.mostPeers)")
      }
      self.path = path
      self.count = count
      poller = try Poller()
      slots = .allocate(capacity: count)
      slots.initialize(repeating: Slot(), count: count)
      buffer = .allocate(capacity: Self.readRoom)
    }

    deinit {
      for slot in 0..<count { close(slot) }
      poller.close()
      slots.deallocate()
      buffer.deallocate()
    }

    func isReady(_ slot: Int) -> Bool { slots[slot].phase == .ready }
    private func isStill(_ slot: Int, _ opening: Int) -> Bool {
      slots[slot].fd >= 0 && slots[slot].openings == opening
    }
    func isFree(_ slot: Int) -> Bool { slots[slot].phase == .free }

    /// Connects a free slot and sends `greeting`, which begins with the PROXY line.
    /// - Parameter other: a socket to connect to instead of `path`.
    /// - Returns: false when the relay's listen queue is full: try again later.
    func open(
      _ slot: Int, greeting: [UInt8], readRate: Int = 0, at other: String? = nil
    ) throws(BenchError) -> Bool {
      let connecting = try Socket.connect(to: .unix(path: other ?? path), from: nil)
      guard case .started(let fd) = connecting else { return false }
      slots[slot].fd = fd
      slots[slot].phase = .handshaking
      slots[slot].readRate = readRate
      slots[slot].credit = Double(readRate * Self.burstSeconds)
      slots[slot].openedAt = Clock.now()
      slots[slot].openings += 1
      slots[slot].creditedAt = slots[slot].openedAt
      slots[slot].isPaused = false
      poller.add(fd, Poller.readable, tag: Int32(slot))
      send(greeting, from: slot)
      return true
    }

    /// Closes the connection without a call of the owner.
    func close(_ slot: Int) {
      guard slots[slot].fd >= 0 else { return }
      if slots[slot].phase == .ready { readyCount -= 1 }
      Glibc.close(slots[slot].fd)
      slots[slot].fd = -1
      slots[slot].phase = .free
      slots[slot].input.release()
      slots[slot].output.release()
    }

    private func end(_ slot: Int, _ end: End? = nil) {
      let how = end ?? (slots[slot].phase == .ready ? .afterHandshake : .refused)
      close(slot)
      owner?.closed(slot, by: how)
    }

    // MARK: Sending

    func send(_ bytes: [UInt8], from slot: Int) {
      bytes.withUnsafeBufferPointer {
        if let base = $0.baseAddress { send(base, $0.count, from: slot) }
      }
    }

    /// Sends what the kernel takes and keeps the rest. The next read reports a broken connection.
    func send(_ bytes: UnsafePointer<UInt8>, _ n: Int, from slot: Int) {
      guard slots[slot].fd >= 0 else { return }
      var taken = 0
      if slots[slot].output.isEmpty {
        guard let sent = Socket.send(slots[slot].fd, bytes, n) else { return }
        taken = sent
      }
      guard taken < n else { return }
      slots[slot].output.append(bytes + taken, n - taken)
      watch(slot)
    }

    private func watch(_ slot: Int) {
      var interest: UInt32 = slots[slot].isPaused ? 0 : Poller.readable
      if !slots[slot].output.isEmpty { interest |= Poller.writable }
      poller.change(slots[slot].fd, interest, tag: Int32(slot))
    }

    private func flush(_ slot: Int) {
      while !slots[slot].output.isEmpty {
        let output = slots[slot].output
        // The connection is broken. The next read reports it to the owner.
        guard let n = Socket.send(slots[slot].fd, output.pointer, output.count) else {
          slots[slot].output.release()
          break
        }
        if n == 0 { return }
        slots[slot].output.consume(n)
      }
      watch(slot)
    }

    // MARK: The loop

    /// Waits for at most `milliseconds`, then serves the ready sockets.
    func turn(atMost milliseconds: Int32) throws(BenchError) {
      if Interruption.isRequested { throw BenchError("interrupted") }
      resume()
      for e in 0..<poller.wait(milliseconds) {
        let (tag, what) = poller.ready(e)
        let slot = Int(tag)
        guard slots[slot].fd >= 0 else { continue }
        if what & Poller.writable != 0 { flush(slot) }
        guard slots[slot].fd >= 0, what & ~Poller.writable != 0 else { continue }
        if slots[slot].isPaused {
          // epoll reports a paused socket only for an error or a hang-up.
          end(slot)
        } else {
          read(slot)
        }
      }
    }

    private func resume() {
      guard !paused.isEmpty else { return }
      let now = Clock.now()
      paused.removeAll { slot in
        guard slots[slot].fd >= 0, slots[slot].isPaused else { return true }
        guard credit(slot, at: now) >= min(Double(slots[slot].readRate), 1024) else { return false }
        slots[slot].isPaused = false
        watch(slot)
        return true
      }
    }

    private func credit(_ slot: Int, at now: Int64) -> Double {
      let rate = Double(slots[slot].readRate)
      let earned = rate * Double(now - slots[slot].creditedAt) / 1e9
      slots[slot].credit = min(rate * Double(Self.burstSeconds), slots[slot].credit + earned)
      slots[slot].creditedAt = now
      return slots[slot].credit
    }

    private func read(_ slot: Int) {
      var room = Self.readRoom
      if slots[slot].readRate > 0 {
        room = min(room, Int(credit(slot, at: Clock.now())))
        if room < 1 { return pause(slot) }
      }
      switch Socket.receive(slots[slot].fd, into: buffer, room) {
      case .nothing: break
      case .ended: end(slot)
      case .bytes(let n):
        if slots[slot].readRate > 0 { slots[slot].credit -= Double(n) }
        take(n, by: slot)
      }
    }

    private func pause(_ slot: Int) {
      slots[slot].isPaused = true
      paused.append(slot)
      watch(slot)
    }

    private func take(_ n: Int, by slot: Int) {
      let opening = slots[slot].openings
      if slots[slot].input.isEmpty {
        let used = lines(of: slot, opening, buffer, n)
        if used < n, isStill(slot, opening) { slots[slot].input.append(buffer + used, n - used) }
      } else {
        slots[slot].input.append(buffer, n)
        let input = slots[slot].input
        let used = lines(of: slot, opening, input.pointer, input.count)
        if used > 0, isStill(slot, opening) { slots[slot].input.consume(used) }
      }
    }

    /// Passes on whole lines, and stops if that closes the slot. Returns the number of bytes used.
    private func lines(
      of slot: Int, _ opening: Int, _ start: UnsafeMutablePointer<UInt8>, _ n: Int
    ) -> Int {
      var used = 0
      while used < n, let end = memchr(start + used, 10, n - used) {
        let length = UnsafeRawPointer(end) - UnsafeRawPointer(start + used)
        received(start + used, length, by: slot)
        guard isStill(slot, opening) else { return n }
        used += length + 1
      }
      return used
    }

    private func received(_ line: UnsafeMutablePointer<UInt8>, _ n: Int, by slot: Int) {
      let type = Lines.type(line, n)
      switch type {
      case 795:
        guard Lines.accepts(line, n) else { return end(slot, .rejected) }
        guard slots[slot].phase == .handshaking else { return }
        slots[slot].phase = .ready
        readyCount += 1
        owner?.accepted(slot)
      case 798: if slots[slot].answersPing { send(Self.pong, from: slot) }
      default: owner?.received(slot, type: type, line, n)
      }
    }
  }
#endif
