#if os(Linux)
  import CEpoll
  import Glibc

  /// The floor: a node that does the least that a directory can, as a baseline for real nodes.
  ///
  /// It has one thread and one epoll, and checks nothing. It answers the first line of a connection
  /// with a fixed 795 and a 791 with a prepared list. Each 687 goes to all other peers, with one
  /// send per peer and turn. A 685 goes to the peer that its second field names, followed by a
  /// fixed PEERLIST line. What remains is the cost of the kernel and of one copy. It must not be
  /// used as a real node.
  final class Floor {
    private static let mostDescriptors = 1 << 16

    private let listeners: [Int32]
    private let poller: Poller
    private let peers: UnsafeMutablePointer<FloorPeer>
    private let ready: UnsafeMutablePointer<Int32>
    private var readyCount = 0
    private let nicks = FloorNicks()
    /// The most bytes read from one connection in a turn. A larger value costs fewer sends per
    /// burst.
    private let readRoom: Int
    private let buffer: UnsafeMutablePointer<UInt8>

    /// The public lines of the turn, and the sender of each part.
    private var turn = Bytes()
    private var parts: [(sender: Int32, start: Int, end: Int)] = []
    private var dirty: [Int32] = []

    private let welcome: [UInt8]
    private let introduction: [UInt8]
    private let list: [UInt8]

    /// Listens at once. `listEntries` is the length of the prepared peerlist.
    init(on addresses: [Address], listEntries: Int, readRoom: Int) throws(BenchError) {
      self.readRoom = readRoom
      buffer = .allocate(capacity: readRoom)
      poller = try Poller()
      var listening: [Int32] = []
      for address in addresses {
        let listener = try Socket.listen(on: address)
        poller.add(listener, Poller.readable, tag: listener)
        listening.append(listener)
      }
      listeners = listening
      peers = .allocate(capacity: Self.mostDescriptors)
      peers.initialize(repeating: FloorPeer(), count: Self.mostDescriptors)
      ready = .allocate(capacity: Self.mostDescriptors)
      welcome = Self.makeWelcome()
      let salt = 1
      introduction = Lines.frame(789, Self.entry(0, salt))
      var frames: [UInt8] = []
      for first in stride(from: 0, to: max(1, listEntries), by: 20) {
        let entries = (first..<min(first + 20, listEntries)).map { Self.entry($0, salt) }
        frames += Lines.frame(789, entries.joined(separator: ","))
      }
      list = frames
    }

    private static func entry(_ i: Int, _ salt: Int) -> String {
      "\(Lines.nick(i, salt: salt));\(Lines.onion(i, salt: salt));F:peerlist_features+ping"
    }

    private static func makeWelcome() -> [UInt8] {
      let inner =
        #"{"app-name": "joinmarket", "directory": true, "proto-ver-min": 5, "proto-ver-max": 5, "#
        + #""features": {"peerlist_features": true, "ping": true}, "accepted": true, "#
        + #""nick": "J5FLooRFLooRFLoo", "network": "regtest", "motd": "floor"}"#
      return Lines.frame(
        795,
        inner.split(separator: "\"", omittingEmptySubsequences: false)
          .joined(separator: "\\\""))
    }

    /// Serves until the process is killed.
    func serve() -> Never {
      while true {
        for e in 0..<poller.wait(-1) {
          let (fd, what) = poller.ready(e)
          if listeners.contains(fd) {
            accept(from: fd)
          } else {
            if what & Poller.writable != 0 { drain(fd) }
            if what & ~Poller.writable != 0, peers[Int(fd)].isOpen { read(fd) }
          }
        }
        endTurn()
      }
    }

    private func accept(from listener: Int32) {
      while true {
        let fd = accept4(listener, nil, nil, Socket.nonblocking)
        guard fd >= 0 else { return }
        Socket.set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        peers[Int(fd)] = FloorPeer()
        peers[Int(fd)].isOpen = true
        poller.add(fd, Poller.readable, tag: fd)
      }
    }

    private func end(_ fd: Int32) {
      let i = Int(fd)
      guard peers[i].isOpen else { return }
      if peers[i].isReady {
        nicks.remove(peers[i].nick, fd)
        readyCount -= 1
        let last = ready[readyCount]
        ready[peers[i].place] = last
        peers[Int(last)].place = peers[i].place
      }
      peers[i].input.release()
      peers[i].output.release()
      peers[i].isOpen = false
      peers[i].isReady = false
      close(fd)
    }

    private func read(_ fd: Int32) {
      let i = Int(fd)
      switch Socket.receive(fd, into: buffer, readRoom) {
      case .nothing: return
      case .ended: end(fd)
      case .bytes(let n):
        if peers[i].input.isEmpty {
          let used = lines(fd, buffer, n)
          if used < n { peers[i].input.append(buffer + used, n - used) }
        } else {
          peers[i].input.append(buffer, n)
          let used = lines(fd, peers[i].input.pointer, peers[i].input.count)
          if used > 0 { peers[i].input.consume(used) }
        }
      }
    }

    private func lines(_ fd: Int32, _ start: UnsafeMutablePointer<UInt8>, _ n: Int) -> Int {
      var used = 0
      while used < n, let hit = memchr(start + used, 10, n - used) {
        let length = UnsafeRawPointer(hit) - UnsafeRawPointer(start + used) + 1
        handle(fd, start + used, length)
        used += length
      }
      return used
    }

    private func handle(_ fd: Int32, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {
      guard peers[Int(fd)].isReady else { return greet(fd, line, n) }
      guard n > 40, line[9] == 54 else {
        if n > 12, line[9] == 55, line[11] == 49 { give(fd, list) }
        return
      }
      if line[11] == 55 {
        let start = turn.count
        turn.append(line, n)
        if let last = parts.last, last.sender == fd {
          parts[parts.count - 1].end = turn.count
        } else {
          parts.append((fd, start, turn.count))
        }
      } else {
        let to = nicks.find(NickKey(line + 23 + 17))
        guard to >= 0 else { return }
        give(to, line, n)
        give(to, introduction)
      }
    }

    private func greet(_ fd: Int32, _ line: UnsafeMutablePointer<UInt8>, _ n: Int) {
      guard let key = memmem(line, n, #"\"nick\": \""#, 12) else { return }
      let i = Int(fd)
      peers[i].nick = NickKey(UnsafeRawPointer(key + 12).assumingMemoryBound(to: UInt8.self))
      peers[i].isReady = true
      peers[i].place = readyCount
      ready[readyCount] = fd
      readyCount += 1
      nicks.insert(peers[i].nick, fd)
      give(fd, welcome)
    }

    // MARK: Sending

    /// Appends bytes to what the peer gets at the end of the turn.
    private func give(_ fd: Int32, _ bytes: UnsafePointer<UInt8>, _ n: Int) {
      peers[Int(fd)].output.append(bytes, n)
      if !peers[Int(fd)].isDirty {
        peers[Int(fd)].isDirty = true
        dirty.append(fd)
      }
    }

    private func give(_ fd: Int32, _ bytes: [UInt8]) {
      bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { give(fd, base, $0.count) } }
    }

    private func endTurn() {
      if !turn.isEmpty {
        for part in parts where peers[Int(part.sender)].isReady {
          peers[Int(part.sender)].isDirty = true
        }
        for p in stride(from: readyCount - 1, through: 0, by: -1) {
          let fd = ready[p]
          // Senders, and peers with private lines, get their bytes through their output buffer.
          if peers[Int(fd)].isDirty { copyTurn(fd) } else { sendTurn(fd) }
        }
        for part in parts { drainDirty(part.sender) }
        turn.removeAll()
        parts.removeAll(keepingCapacity: true)
      }
      for fd in dirty { drainDirty(fd) }
      dirty.removeAll(keepingCapacity: true)
    }

    private func drainDirty(_ fd: Int32) {
      guard peers[Int(fd)].isDirty else { return }
      peers[Int(fd)].isDirty = false
      if peers[Int(fd)].isOpen { drain(fd) }
    }

    private func copyTurn(_ fd: Int32) {
      for part in parts where part.sender != fd {
        peers[Int(fd)].output.append(turn.pointer + part.start, part.end - part.start)
      }
    }

    private func sendTurn(_ fd: Int32) {
      let i = Int(fd)
      if !peers[i].output.isEmpty { return peers[i].output.append(turn.pointer, turn.count) }
      guard let sent = Socket.send(fd, turn.pointer, turn.count) else { return end(fd) }
      if sent < turn.count {
        peers[i].output.append(turn.pointer + sent, turn.count - sent)
        arm(fd, true)
      }
    }

    private func drain(_ fd: Int32) {
      let i = Int(fd)
      while !peers[i].output.isEmpty {
        guard let sent = Socket.send(fd, peers[i].output.pointer, peers[i].output.count) else {
          return end(fd)
        }
        if sent == 0 { return arm(fd, true) }
        peers[i].output.consume(sent)
      }
      arm(fd, false)
    }

    private func arm(_ fd: Int32, _ on: Bool) {
      guard peers[Int(fd)].isArmed != on else { return }
      peers[Int(fd)].isArmed = on
      poller.change(fd, on ? Poller.readable | Poller.writable : Poller.readable, tag: fd)
    }
  }
#endif
