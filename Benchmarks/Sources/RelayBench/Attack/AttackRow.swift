#if os(Linux)
  /// The result of one run.
  struct AttackRow: Codable, Sendable {
    var attack: Attack
    var reference: Attack.Reference
    var seed: UInt64
    var seconds: Int
    /// Lines that were due and lines that were lost, public and private.
    var publicLines = 0
    var publicLost = 0
    var privateLines = 0
    var privateLost = 0
    var wrong = 0
    /// Honest peers other than victims that the relay closed, and victims that it closed.
    var closed = 0
    var victimsClosed = 0
    /// Milliseconds.
    var establishedP50 = 0.0
    var establishedP99 = 0.0
    var freshP50 = 0.0
    var freshP99 = 0.0
    var privateP50 = 0.0
    var privateP99 = 0.0
    /// Latencies of the pairs that exchange a line every 20 ms, over the relay and over the floor.
    var relayPair = Percentiles()
    var floorPair = Percentiles()
    /// Order books that takers requested, those that became complete, and the longest time of one
    /// in seconds.
    var booksAsked = 0
    var booksComplete = 0
    var bookMedian = 0.0
    var bookLongest = 0.0
    var joiners = 0
    var joinersIn = 0
    var entryMedian = 0.0
    var entryLongest = 0.0
    var refusals = 0
    /// The `!orderbook` lines a minute that a maker got, mean over the makers.
    var orderbooksPerMinute = 0.0
    /// In per cent of a core.
    var relayCPU = 0.0
    /// The time in which the relay was ready to run and had no core, in per cent of the run.
    var relayWait = 0.0
    var honestCPU = 0.0
    var attackerCPU = 0.0
    /// The highest values seen, in bytes.
    var resident = 0
    var backlog = 0
    /// The largest lag of the event loop in seconds, rounded up to a bound of its histogram.
    var loopLag = 0.0
    /// The lowest fan-out budget seen, in per cent of its ceiling.
    var narrowestBudget = 100.0
    var statusAnswers = 0
    var statusUnhealthy = 0
    var closes: [String: Int] = [:]
    var attackers: AttackReport?
    var goals: [Goal] = []

    init(attack: Attack, reference: Attack.Reference, seed: UInt64, seconds: Int) {
      self.attack = attack
      self.reference = reference
      self.seed = seed
      self.seconds = seconds
    }

    mutating func take(_ honest: HonestPeers) {
      let seen = honest.measures
      (publicLines, publicLost) = (seen.public.owed, seen.public.lost)
      (privateLines, privateLost) = (seen.private.owed, seen.private.lost)
      (wrong, closed, victimsClosed) = (seen.wrong, seen.closed, seen.victimsClosed)
      establishedP50 = Measures.milliseconds(0.5, of: seen.establishedPublic)
      establishedP99 = Measures.milliseconds(0.99, of: seen.establishedPublic)
      freshP50 = Measures.milliseconds(0.5, of: seen.freshPublic)
      freshP99 = Measures.milliseconds(0.99, of: seen.freshPublic)
      privateP50 = seen.private.milliseconds(0.5)
      privateP99 = seen.private.milliseconds(0.99)
      (booksAsked, booksComplete) = (seen.asked, seen.books.count)
      let books = Spread(seen.books)
      (bookMedian, bookLongest) = (books.median, books.highest)
      joiners = honest.joiners.count
      let entries = Spread(honest.entryTimes)
      joinersIn = honest.entryTimes.count
      (entryMedian, entryLongest) = (entries.median, entries.highest)
      refusals = seen.refusals
      orderbooksPerMinute =
        Double(seen.orderbooks) * 60 / Double(seconds) / Double(honest.makers.count)
    }

    mutating func take(_ paced: PacedReport) {
      relayPair = Percentiles(paced.relay)
      floorPair = Percentiles(paced.floor)
    }

    mutating func take(_ probe: RelayProbe) {
      resident = probe.residentBytes
      backlog = probe.backlogBytes
      loopLag = RelayProbe.lag(in: probe.last)
      narrowestBudget = probe.narrowestBudget
      statusAnswers = probe.answers
      statusUnhealthy = probe.unhealthy
      closes = probe.closes
    }

    // MARK: Text

    static let head = [
      "attack", "lost", "closed", "private p50/p99 ms", "paced p99 ms: relay, floor",
      "public p50/p99 ms", "of strangers", "book s", "joiners", "!orderbook/min", "CPU %",
      "RSS MiB", "backlog MiB", "goals",
    ]

    var cells: [String] {
      let number = Report.number
      let name = attack == .quiet && reference == .slow ? "quiet, 50 kB/s" : attack.rawValue
      let book =
        booksComplete > 0
        ? "\(number(bookMedian)), longest \(number(bookLongest))" : "none"
      let entry = joiners == 0 ? "" : "\(joinersIn) of \(joiners), \(number(entryLongest)) s"
      return [
        name, "\(publicLost + privateLost) of \(publicLines + privateLines)",
        "\(closed + victimsClosed)", "\(number(privateP50)) / \(number(privateP99))",
        "\(number(relayPair.p99)), \(number(floorPair.p99))",
        "\(number(establishedP50)) / \(number(establishedP99))",
        "\(number(freshP50)) / \(number(freshP99))",
        "\(booksComplete) of \(booksAsked): \(book)", entry, number(orderbooksPerMinute),
        number(relayCPU), "\(resident >> 20)", Report.number(Double(backlog) / 1_048_576), verdict,
      ]
    }

    private var verdict: String {
      if goals.isEmpty { return "" }
      let missed = goals.filter { !$0.met }.map(\.name.rawValue)
      return missed.isEmpty ? "met" : "MISSED: " + missed.joined(separator: ", ")
    }
  }

  /// Milliseconds.
  struct Percentiles: Codable, Sendable {
    var p50 = 0.0
    var p99 = 0.0
    var highest = 0.0

    init() {}

    init(_ nanoseconds: [Int64]) {
      p50 = Measures.milliseconds(0.5, of: nanoseconds)
      p99 = Measures.milliseconds(0.99, of: nanoseconds)
      highest = Measures.milliseconds(1, of: nanoseconds)
    }
  }

  /// One goal of an attack (docs/attacks.md).
  struct Goal: Codable, Sendable {
    enum Name: String, Codable, Sendable {
      case lines, closed, latency, book, joiners, orderbooks, nicks
    }

    var name: Name
    var value: Double
    /// The highest value that meets the goal.
    var limit: Double

    var met: Bool { value <= limit }
  }

  extension AttackRow {
    /// Compares the row with the quiet run with the same readers.
    mutating func judge(by quiet: AttackRow) {
      goals = [
        Goal(name: .lines, value: Double(publicLost + privateLost + wrong), limit: 0),
        Goal(name: .closed, value: Double(closed + victimsClosed), limit: 0),
        Goal(name: .latency, value: privateP99, limit: min(50, 3 * quiet.privateP99)),
        // If any order book stayed incomplete, the value is infinite for this purpose.
        Goal(
          name: .book, value: booksComplete < booksAsked ? .greatestFiniteMagnitude : bookLongest,
          limit: quiet.bookLongest + 10),
        Goal(
          name: .orderbooks, value: orderbooksPerMinute, limit: 10 * quiet.orderbooksPerMinute),
      ]
      if joiners > 0 {
        goals.append(
          Goal(
            name: .joiners,
            value: joinersIn < joiners ? .greatestFiniteMagnitude : entryLongest, limit: 5))
      }
      if attack == .theft {
        goals.append(Goal(name: .nicks, value: Double(attackers?.stolen ?? 0), limit: 0))
      }
    }
  }
#endif
