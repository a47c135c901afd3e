#if os(Linux)
  import Testing

  @testable import RelayBench

  struct AttackTests {
    @Test("SplitMix64 gives the published sequence")
    func random() {
      var random = SplitMix64(seed: 1_234_567)
      let published: [UInt64] = [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ]
      #expect(published.map { _ in random.next() } == published)
    }

    @Test("The circuit is in the last 32 bits, as Tor writes it")
    func proxy() {
      #expect(
        AttackLines.proxy(circuit: 0xaabb_0016)
          == "PROXY TCP6 fc00:dead:beef:4dad::aabb:0016 ::1 65535 5222\r\n")
    }

    @Test(
      "Honest peers and attackers share neither nicks nor circuits", arguments: [0, 7, 999_999])
    func names(seed: UInt64) {
      let names = Names(seed: seed)
      let honest = Set((0..<500).map { names.honestNick($0) })
      let attackers = Set((0..<500).map { names.attackerNick($0) })
      #expect(honest.count == 500 && attackers.count == 500 && honest.isDisjoint(with: attackers))
      let tail = String(decoding: names.honestTail, as: UTF8.self)
      #expect(honest.allSatisfy { $0.hasSuffix(tail) })
      #expect(!attackers.contains { $0.hasSuffix(tail) })
      let circuits = Set((0..<500).map { names.honestCircuit($0) })
      #expect(circuits.isDisjoint(with: (0..<500).map { names.attackerCircuit($0) }))
    }

    @Test("The longest features have the largest number and length that a handshake may have")
    func features() {
      let names = AttackLines.Features.longest.names
      #expect(names.count == 32 && Set(names).count == 32)
      #expect(names.dropLast().allSatisfy { $0.utf8.count == 32 })
    }

    @Test(
      "Lines have their size, and their stamp and sender are found again", arguments: [687, 685])
    func stamped(type: Int) throws {
      let names = Names(seed: 3)
      let receiver = type == 687 ? "PUBLIC" : names.honestNick(2)
      var line = HonestPeers.stamped(
        type, from: names.honestNick(1), to: receiver, stream: 20_001, number: 77, size: 400)
      #expect(line.count == 400 && line.suffix(4) == Array("\"}\r\n".utf8))
      let text = String(decoding: line, as: UTF8.self)
      #expect(text.contains("!\(AttackLines.offer)\"}"))
      let sender = line[HonestPeers.senderOffset...].prefix(16)
      #expect(String(decoding: sender, as: UTF8.self) == names.honestNick(1))
      if type == 685 {
        let to = line[HonestPeers.receiverOffset...].prefix(16)
        #expect(String(decoding: to, as: UTF8.self) == receiver)
      }
      try line.withUnsafeMutableBufferPointer { bytes in
        let base = try #require(bytes.baseAddress)
        let part = try #require(Lines.measuredPart(base, bytes.count))
        #expect(Lines.number(base + part, 5) == 20_001)
        #expect(Lines.number(base + part + 6, 10) == 77)
      }
    }

    @Test("A filler has exactly its size")
    func filler() {
      let line = AttackLines.filler(from: Names(seed: 1).attackerNick(0), size: 65_536)
      #expect(line.count == 65_536)
    }

    @Test("A schedule counts what is due and no more")
    func schedule() {
      var schedule = Schedule(start: 1000, perSecond: 4)
      let times: [Int64] = [999, 1000, 1000, 500_001_000, 500_001_000, 500_001_000]
      let due = times.map { schedule.isDue(at: $0) }
      #expect(due == [false, true, false, true, true, false])
      #expect(schedule.count == 3)
    }

    @Test("Metrics are read with their labels; comments are not")
    func metrics() {
      let values = RelayProbe.values(
        in: """
          # HELP jm_directory_backlog_bytes x 5
          jm_directory_backlog_bytes 4096
          jm_directory_connections_closed_total{reason="slow_reader"} 3
          other_metric 9
          """)
      #expect(
        values == [
          "jm_directory_backlog_bytes": 4096,
          "jm_directory_connections_closed_total{reason=\"slow_reader\"}": 3,
        ])
    }

    @Test("The largest lag is the bound of the last bucket with a tick")
    func lag() {
      let name = "jm_directory_loop_lag_seconds"
      var values = [
        "\(name)_bucket{le=\"0.001\"}": 7.0, "\(name)_bucket{le=\"0.01\"}": 9,
        "\(name)_bucket{le=\"0.1\"}": 9, "\(name)_bucket{le=\"+Inf\"}": 9, "\(name)_count": 9,
      ]
      #expect(RelayProbe.lag(in: values) == 0.01)
      values["\(name)_count"] = 10
      values["\(name)_bucket{le=\"+Inf\"}"] = 10
      #expect(RelayProbe.lag(in: values) == .greatestFiniteMagnitude)
    }

    private func row(_ attack: Attack, _ change: (inout AttackRow) -> Void = { _ in }) -> AttackRow
    {
      var row = AttackRow(attack: attack, reference: .fast, seed: 1, seconds: 20)
      row.privateP99 = 10
      row.booksAsked = 2
      row.booksComplete = 2
      row.bookLongest = 1
      row.orderbooksPerMinute = 20
      if attack.hasJoiners { (row.joiners, row.joinersIn, row.entryLongest) = (3, 3, 1) }
      if attack == .theft { row.attackers = AttackReport() }
      change(&row)
      return row
    }

    private func missed(_ attack: Attack, _ change: (inout AttackRow) -> Void) -> [Goal.Name] {
      var row = row(attack, change)
      row.judge(by: self.row(.quiet))
      return row.goals.filter { !$0.met }.map(\.name)
    }

    @Test("Each goal depends only on its own figure")
    func goals() {
      for attack in Attack.allCases { #expect(missed(attack) { _ in } == []) }
      #expect(missed(.lists) { $0.publicLost = 1 } == [.lines])
      #expect(missed(.lists) { $0.privateLost = 1 } == [.lines])
      #expect(missed(.lists) { $0.wrong = 1 } == [.lines])
      #expect(missed(.lists) { $0.closed = 1 } == [.closed])
      #expect(missed(.theft) { $0.victimsClosed = 1 } == [.closed])
      // 3 × 10 ms is the lower of the two limits in this test.
      #expect(missed(.lists) { $0.privateP99 = 31 } == [.latency])
      #expect(missed(.lists) { $0.bookLongest = 11.5 } == [.book])
      #expect(missed(.lists) { $0.booksComplete = 1 } == [.book])
      #expect(missed(.lists) { $0.orderbooksPerMinute = 201 } == [.orderbooks])
      #expect(missed(.fullPlaces) { $0.joinersIn = 2 } == [.joiners])
      #expect(missed(.fullPlaces) { $0.entryLongest = 5.5 } == [.joiners])
      #expect(missed(.theft) { $0.attackers?.stolen = 1 } == [.nicks])
    }
  }
#endif
