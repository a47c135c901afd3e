#if os(Linux)
  /// Scenarios about single peers: connections, idle peers, private lines and requests.
  extension Runner {
    func connect() throws(BenchError) -> [Measurement] {
      let load = try Generator(target, count: sizes.peers, makers: 0..<(sizes.peers / 2))
      let stretch = try Stretch(target)
      try load.connect()
      let seconds = stretch.seconds
      var figures = Figures(.connect)
      figures.add("time", seconds * 1e3, "ms")
      figures.add("handshakes", Double(sizes.peers) / seconds, "1/s")
      figures.addCPU("CPU per handshake", try stretch.cpu(), per: sizes.peers)
      return figures.all
    }

    private static let firstPeers = 100

    /// Measures memory and CPU of idle peers. All are makers, which take the most memory.
    func idle() throws(BenchError) -> [Measurement] {
      guard let process = target.process else { throw BenchError("idle: needs --pid") }
      // 12 s after its start the server releases code that only the start needed. The next sample
      // of its history and the next self-probes follow within ten seconds.
      Clock.sleep(milliseconds: 25_000)
      let deserted = try process.residentBytes()
      // The first peers load the pages of the code that serves them. These must not count as memory
      // of peers.
      let first = try Generator(target, count: Self.firstPeers, makers: 0..<Self.firstPeers)
      try first.connect()
      for i in 0..<Self.firstPeers { first.drop(i, reset: true) }
      try settle()
      let before = try process.residentBytes()
      let load = try Generator(target, count: sizes.idlePeers, makers: 0..<sizes.idlePeers)
      try load.connect()
      try settle()
      let after = try process.residentBytes()
      let stretch = try Stretch(target)
      _ = try load.pump(until: Clock.now() + Int64(sizes.idleSeconds) * 1_000_000_000)
      let spent = Double(try stretch.cpu() ?? 0)
      var figures = Figures(.idle)
      figures.add("RSS without peers", Double(deserted), "B")
      figures.add("RSS per peer", Double(after - before) / Double(sizes.idlePeers), "B")
      figures.add("CPU while idle", spent * 100 / Double(stretch.nanoseconds), "%")
      return figures.all
    }

    /// Sends private lines of makers, so that the sender's PEERLIST entry follows every line.
    func privateLines(_ scenario: Scenario, inFlight: Int) throws(BenchError) -> [Measurement] {
      let pairs = sizes.pairs
      let load = try Generator(
        target, count: pairs * 2, makers: 0..<pairs, streams: pairs, isPublic: false)
      try load.connect()
      try settle()
      load.reaction = .keepInFlight(pairs: pairs, lines: sizes.linesPerPair)
      let stretch = try Stretch(target)
      for i in 0..<pairs { load.sendMeasured(from: i, count: min(inFlight, sizes.linesPerPair)) }
      let all = pairs * sizes.linesPerPair
      try load.await("\(all) private lines", within: 120) { load.deliveries == all }
      let seconds = stretch.seconds
      var figures = Figures(scenario)
      figures.addCPU("CPU per line", try stretch.cpu(), per: all)
      figures.add("lines", Double(all) / seconds, "1/s")
      figures.addLatency(load.latencies)
      return figures.all
    }

    /// One taker sends `!orderbook`, and every maker answers with a private line.
    func orderbook() throws(BenchError) -> [Measurement] {
      let makers = sizes.makers
      let load = try Generator(
        target, count: makers + 1, makers: 1..<(makers + 1), streams: makers, isPublic: false,
        lineBytes: sizes.answerBytes)
      try load.connect()
      try settle()
      load.reaction = .answerOrderbook
      let question = Lines.frame(687, "\(load.nick(0))!PUBLIC!orderbook")
      var times: [Double] = []
      let stretch = try Stretch(target)
      for round in 1...sizes.asks {
        let start = Clock.now()
        load.send(question, from: 0)
        try load.await("\(makers) answers", within: 60) { load.deliveries == makers * round }
        times.append(Double(Clock.now() - start) / 1e6)
      }
      let cpu = try stretch.cpu()
      let spread = Spread(times)
      var figures = Figures(.orderbook)
      figures.add("until all answers are there", spread.median, "ms")
      figures.add("longest", spread.highest, "ms")
      figures.addCPU("CPU per answer", cpu, per: makers * sizes.asks)
      return figures.all
    }

    /// Takers request the list of all makers, one after the other.
    func peerlist() throws(BenchError) -> [Measurement] {
      let makers = sizes.listMakers
      let load = try Generator(target, count: makers + sizes.lists, makers: 0..<makers)
      try load.connect()
      try settle()
      let question = Lines.frame(791, "")
      var times: [Double] = []
      let stretch = try Stretch(target)
      for taker in makers..<load.count {
        let start = Clock.now()
        load.send(question, from: taker)
        try load.await("\(makers) entries", within: 60) { load.peers[taker].listed >= makers }
        times.append(Double(Clock.now() - start) / 1e6)
      }
      let cpu = try stretch.cpu()
      let spread = Spread(times)
      var figures = Figures(.peerlist)
      figures.addCPU("CPU per list", cpu, per: sizes.lists)
      figures.add("time per list", spread.median, "ms")
      figures.add("longest", spread.highest, "ms")
      figures.add("entries", Double(load.peers[makers].listed), "")
      return figures.all
    }
  }
#endif
