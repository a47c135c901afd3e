#if os(Linux)
  /// Scenarios in which one line goes to many peers.
  extension Runner {
    /// Sends public lines at an even rate: the cost of a delivery when lines cannot be batched.
    func broadcast() throws(BenchError) -> [Measurement] {
      let load = try Generator(target, count: sizes.peers, makers: 0..<0, streams: sizes.senders)
      try load.connect()
      try settle()
      let lines = sizes.rate * sizes.seconds
      let stretch = try Stretch(target)
      let start = Clock.now()
      for i in 0..<lines {
        let due = start + Int64(i) * 1_000_000_000 / Int64(sizes.rate)
        _ = try load.pump(until: due)
        load.sendMeasured(from: i % sizes.senders, count: 1)
      }
      let all = lines * (sizes.peers - 1)
      try load.await("\(all) deliveries", within: 60) { load.deliveries == all }
      var figures = Figures(.broadcast)
      figures.addCPU("CPU per delivery", try stretch.cpu(), per: all)
      figures.add("deliveries", Double(all) / stretch.seconds, "1/s")
      figures.addLatency(load.latencies)
      return figures.all
    }

    /// Several senders send all their lines at once.
    func burst() throws(BenchError) -> [Measurement] {
      let load = try Generator(target, count: sizes.peers, makers: 0..<0, streams: sizes.senders)
      try load.connect()
      try settle()
      let each = sizes.burstLines / sizes.senders
      let perBurst = each * sizes.senders * (sizes.peers - 1)
      var (cpu, seconds): (Int64?, Double) = (nil, 0)
      for round in 1...sizes.bursts {
        let stretch = try Stretch(target)
        for sender in 0..<sizes.senders { load.sendMeasured(from: sender, count: each) }
        let all = perBurst * round
        try load.await("\(all) deliveries", within: 120) { load.deliveries == all }
        seconds += stretch.seconds
        if let spent = try stretch.cpu() { cpu = (cpu ?? 0) + spent }
      }
      let all = perBurst * sizes.bursts
      var figures = Figures(.burst)
      figures.addCPU("CPU per delivery", cpu, per: all)
      figures.add("deliveries", Double(all) / seconds, "1/s")
      figures.addLatency(load.latencies)
      return figures.all
    }

    /// Sends the same broadcasts twice: first all peers read, then some have stopped reading.
    func frozen() throws(BenchError) -> [Measurement] {
      let load = try Generator(
        target, count: sizes.frozenPeers, makers: 0..<0, streams: sizes.senders)
      try load.connect()
      try settle()
      for i in 0..<load.count { load.peers[i].isSampled = false }
      let deaf = max(1, sizes.frozenPeers * sizes.frozenPercent / 100)
      let firstDeaf = sizes.frozenPeers - deaf
      // The same readers are timed in both halves.
      for i in stride(from: sizes.senders, to: firstDeaf, by: 4) { load.peers[i].isSampled = true }

      let lines = try flood(load, readers: load.count)
      let without = load.latencies
      load.latencies = []
      try settle()
      for i in firstDeaf..<load.count { load.freeze(i) }
      _ = try flood(load, readers: firstDeaf)
      let with = load.latencies
      let before = Double(Spread.percentile(0.99, of: without)) / 1e6
      let after = Double(Spread.percentile(0.99, of: with)) / 1e6
      var figures = Figures(.frozen)
      figures.add("p99 while all read", before, "ms")
      figures.add("p99 beside \(deaf) frozen", after, "ms")
      figures.add("p99 with ÷ without", before > 0 ? after / before : 0, "×")
      figures.add("lines each way", Double(lines), "")
      return figures.all
    }

    /// Sends the whole volume, a batch from one sender every 10 ms. Returns the number of lines.
    private func flood(_ load: Generator, readers: Int) throws(BenchError) -> Int {
      let batch = max(1, sizes.frozenRate / 100)
      let batches = max(1, (sizes.frozenMegabytes << 20) / target.lineBytes / batch)
      let lines = batch * batches
      let all = load.deliveries + lines * (readers - 1)
      let start = Clock.now()
      for b in 0..<batches {
        _ = try load.pump(until: start + Int64(b) * 10_000_000)
        load.sendMeasured(from: b % sizes.senders, count: batch)
      }
      try load.await("\(all) deliveries", within: 60) { load.deliveries == all }
      return lines
    }

    /// Disconnects all makers at once. Every watcher must get the `D` entry of every maker.
    func leave() throws(BenchError) -> [Measurement] {
      let total = sizes.peers + sizes.watchers
      let load = try Generator(target, count: total, makers: sizes.watchers..<total)
      try load.connect()
      try settle()
      let stretch = try Stretch(target)
      for i in sizes.watchers..<total { load.drop(i, reset: false) }
      let all = sizes.peers * sizes.watchers
      var (received, firstDeaf) = (0, 0)
      try load.await("\(all) entries of peers that left", within: 60) {
        while firstDeaf < sizes.watchers, load.peers[firstDeaf].left >= sizes.peers {
          firstDeaf += 1
        }
        return firstDeaf == sizes.watchers
      }
      let seconds = stretch.seconds
      for i in 0..<sizes.watchers { received += load.peers[i].left }
      guard received == all else {
        throw BenchError("\(received) entries of peers that left, not \(all)")
      }
      var figures = Figures(.leave)
      figures.add("until all have received it", seconds * 1e3, "ms")
      figures.addCPU("CPU per peer that left", try stretch.cpu(), per: sizes.peers)
      return figures.all
    }
  }
#endif
