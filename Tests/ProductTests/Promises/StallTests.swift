import Testing

extension ProductTests {
  /// promises.md, "Never lose, never stall", with the numbers written there.
  @Suite("Nobody waits for another")
  struct StallTests {
    @Test(
      "64 MB from one peer without pause leave another's PINGs answered (p99 < 50 ms in release)",
      .alone, arguments: [[:], RelayProcess.unlimited])
    func flood(settings: [String: String]) throws {
      let relay = try RelayProcess(settings)
      let peer = try TestPeer(to: relay, .taker(1))
      let flooder = try TestPeer(to: relay, .taker(2))
      let line = Frames.frame(
        685, "\(flooder.nick)!\(nickNumber(3))!" + String(repeating: "x", count: 300))
      let piece = Array(String(repeating: line, count: 200).utf8)
      let all = 64_000_000
      var (sent, offset) = (0, 0)
      var times: [Double] = []
      // Sends enough PINGs for a p99, no matter how fast the relay reads the flood.
      while sent < all || times.count < 500 {
        let began = monotonicSeconds()
        try peer.send(Frames.ping)
        var answer: [UInt8]?
        // MESSAGE_RATE_LIMIT would drop PINGs at a higher rate.
        let pace = times.count < 500 ? 0 : 0.02
        var answeredAt = began
        // Refills the flooder's socket buffer at once, so that it is always full.
        while answer == nil || monotonicSeconds() < began + pace {
          guard let count = flooder.socket.sendSome(piece[offset...]) else {
            throw TestFailure("the flooder is closed after \(sent) bytes")
          }
          sent += count
          offset = (offset + count) % piece.count
          if answer == nil {
            answer = try? peer.socket.receive(within: 0)
            answeredAt = monotonicSeconds()
          }
          guard monotonicSeconds() < began + 10 else { throw TestFailure("no PONG") }
        }
        #expect(answer == Array(Frames.pong.utf8))
        times.append(answeredAt - began)
      }
      let p99 = times.sorted()[times.count * 99 / 100]
      print("64 MB from one peer: p99 of \(times.count) PINGs \(p99 * 1000) ms")
      // `make soak` judges it: times of a debug build on a busy machine mean nothing.
      #expect(p99 < (_isDebugAssertConfiguration() ? 10 : 0.05))
      try flooder.socket.send(Array(piece[offset...]))
      if !settings.isEmpty { try flooder.expectNothing() }
    }

    @Test(
      "50 flooders of all kinds at once leave the p99 of others' private lines under 50 ms", .alone)
    func floods() throws {
      let relay = try RelayProcess()
      let sender = try TestPeer(to: relay, .maker(1))
      let receiver = try TestPeer(to: relay, .taker(2))
      let quiet = try privateLines(from: sender, to: receiver) {}
      let flooders = try (0..<50).map { try TestPeer(to: relay, .maker(100 + $0)) }
      let pad = String(repeating: "x", count: 300)
      let floods = flooders.enumerated().map { number, flooder in
        let line =
          switch number % 5 {
          case 0: Frames.frame(687, "\(flooder.nick)!PUBLIC!sw0reloffer 0 \(pad)")
          case 1: Frames.frame(687, "\(flooder.nick)!PUBLIC!orderbook")
          case 2: Frames.frame(791, "") + Frames.ping
          case 3: Frames.frame(685, "\(flooder.nick)!\(nickNumber(3))!\(pad)")
          default: Frames.frame(685, "\(flooder.nick)!\(flooders[number - 1].nick)!\(pad)")
          }
        return Array(String(repeating: line, count: 200).utf8)
      }
      var sent = Array(repeating: 0, count: flooders.count)
      let loud = try privateLines(from: sender, to: receiver) {
        for (number, flooder) in flooders.enumerated() {
          let flood = floods[number]
          guard let count = flooder.socket.sendSome(flood[(sent[number] % flood.count)...]) else {
            throw TestFailure("flooder \(number) is closed after \(sent[number]) bytes")
          }
          sent[number] += count
          _ = try? flooder.socket.receive(within: 0)
        }
      }
      let all = sent.reduce(0, +)
      print("p99 of private lines: alone \(quiet * 1000) ms, beside 50 flooders \(loud * 1000) ms")
      print("they have sent \(all) bytes, the least of them \(sent.min() ?? 0)")
      #expect(all > 10_000_000)
      // How many it takes of the flood depends on the build and the machine.
      #expect(try relay.metric(#"jm_directory_frames_dropped_total{reason="rate"}"#) > 1_000)
      // A debug build of the relay reads about 25 MB a second, so there the test only requires that
      // every line arrives.
      #expect(loud < (_isDebugAssertConfiguration() ? 10 : 0.05))
    }

    /// The p99 of the latency of 500 lines, sent one at a time, in seconds.
    private func privateLines(
      from sender: TestPeer, to receiver: TestPeer, meanwhile: () throws -> Void
    ) throws -> Double {
      var times: [Double] = []
      for number in 0..<500 {
        let line = Frames.frame(685, "\(sender.nick)!\(receiver.nick)!line \(number)")
        let began = monotonicSeconds()
        try sender.send(line)
        var received = ""
        while !received.contains(line) {
          try meanwhile()
          if let more = try? receiver.socket.receive(within: 0) {
            received += String(decoding: more, as: UTF8.self)
          }
          guard monotonicSeconds() < began + 10 else { throw TestFailure("line \(number) is lost") }
        }
        times.append(monotonicSeconds() - began)
      }
      return times.sorted()[times.count * 99 / 100]
    }

    enum Limit: String, CaseIterable {
      case hard, soft
    }

    @Test(
      "A peer that reads nothing is closed as a slow reader: others get its D, its memory is freed",
      arguments: Limit.allCases)
    func frozen(limit: Limit) throws {
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging(limit == .soft ? ["PEER_BACKLOG_SOFT_TIME": "1"] : [:]) {
          $1
        })
      let sender = try TestPeer(to: relay, .taker(1))
      let frozen = try TestPeer(to: relay, .maker(2))
      let watcher = try TestPeer(to: relay, .taker(3))
      let before = relay.heapBytes
      let line = Frames.frame(
        685, "\(sender.nick)!\(frozen.nick)!" + String(repeating: "x", count: 30_000))
      let backlog = "jm_directory_backlog_bytes"
      // The kernel's buffers take some megabytes before the relay has a backlog.
      let wanted = limit == .hard ? 7.0 * 1024 * 1024 : 1.1 * 1024 * 1024
      while try relay.metric(backlog) < wanted {
        for _ in 0..<10 { try sender.send(line) }
        try sender.expectNothing()
        guard try relay.closed("slow_reader") == 0 else { throw TestFailure("evicted too soon") }
      }
      let peak = relay.heapBytes
      #expect(Double(peak - before) > wanted * 0.9)
      if limit == .hard {
        for _ in 0..<60 { try sender.send(line) }
      }
      try eventually("it is evicted") { try relay.closed("slow_reader") == 1 }
      try watcher.expect(Hello.maker(2).departure)
      #expect(try relay.metric(backlog) == 0)
      print(
        "\(limit) limit: heap \(before) before, \(peak) at the peak, \(relay.heapBytes) after")
      try eventually("its memory returns, \(before) and \(peak) and \(relay.heapBytes)") {
        relay.heapBytes < before + 2 << 20
      }
      try watcher.expectNothing()
      withExtendedLifetime(frozen) {}
    }

    @Test("1,000 answers reach a taker that reads 50 kB a second, all of them")
    func slowTaker() throws {
      let relay = try RelayProcess(RelayProcess.unlimited)
      let hellos = (0..<1_000).map { Hello.maker(100 + $0) }
      let makers = try hellos.map { try TestPeer(to: relay, $0) }
      let taker = try TestPeer(to: relay, .taker(1))
      let answer = "sw0reloffer 0 1 2 0 0.1 " + String(repeating: "x", count: 600)
      var expected: Set<String> = []
      for (maker, hello) in zip(makers, hellos) {
        let line = Frames.frame(685, "\(maker.nick)!\(taker.nick)!\(answer)")
        try maker.send(line)
        expected.insert(line + Frames.peerlist(hello.entryWithFeatures))
      }
      let size = expected.reduce(0) { $0 + $1.utf8.count }
      var received: [UInt8] = []
      let began = monotonicSeconds()
      while received.count < size {
        guard let more = try taker.socket.receive(within: 10, atMost: 2_500) else {
          throw TestFailure("closed after \(received.count) of \(size) bytes")
        }
        received += more
        pause(seconds: max(0, began + Double(received.count) / 50_000 - monotonicSeconds()))
      }
      print("1,000 answers, \(size) bytes: \(monotonicSeconds() - began) s")
      let frames = String(decoding: received, as: UTF8.self).split(separator: "\r\n")
      #expect(frames.count == 2_000)
      let pairs = stride(from: 0, to: frames.count - 1, by: 2).map {
        "\(frames[$0])\r\n\(frames[$0 + 1])\r\n"
      }
      #expect(Set(pairs) == expected)
      try taker.expectNothing()
      // Optimised code would release the makers after their last use, and the taker would get their
      // departures.
      withExtendedLifetime(makers) {}
    }

    @Test("500 frozen peers and MAX_BACKLOG=64MiB fit into 256 MiB, and the others lose nothing")
    func budget() throws {
      let memory = 256 << 20
      let group = MemoryGroup(limit: memory)
      let directory = try TemporaryDirectory()
      let place = TestSocket.Address.unix(directory.path + "/relay")
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging([
          "MAX_BACKLOG": "64MiB", "LISTEN_UNIX": directory.path + "/relay",
        ]) { $1 }, limits: Limits(addressSpace: group == nil ? memory : nil, memory: group))
      let sender = try TestPeer(to: relay, .taker(1), at: place)
      let readers = try (2..<22).map { try TestPeer(to: relay, .taker($0), at: place) }
      let frozen = try (100..<600).map { try TestPeer(to: relay, .taker($0), at: place) }
      let payload = String(repeating: "x", count: 10_000)
      var peak = 0
      for number in 0..<1_000 {
        let line = Frames.frame(687, "\(sender.nick)!PUBLIC!\(number) \(payload)")
        try sender.send(line)
        for reader in readers where try reader.nextFrame() != line {
          throw TestFailure("line \(number) differs")
        }
        peak = max(peak, relay.residentBytes)
      }
      let evicted = try relay.closed("backlog_budget")
      let held =
        if let group {
          "memory cgroup: \(group.peak ?? 0) bytes at most, \(group.kills ?? 0) killed"
        } else {
          "no memory cgroup can be made here, so its address space was limited"
        }
      print("500 frozen: \(evicted) evicted for the budget, RSS \(peak) at most; \(held)")
      #expect(group.map { $0.kills == 0 } != false)
      #expect(evicted > 0)
      #expect(peak < memory)
      #expect(try relay.metric("jm_directory_backlog_bytes") <= 64 * 1024 * 1024)
      for peer in readers + [sender] { try peer.expectNothing() }
      #expect(relay.child.exitCode == nil)
      withExtendedLifetime(frozen) {}
    }
  }
}
