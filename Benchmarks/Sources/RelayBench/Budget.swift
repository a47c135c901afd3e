#if os(Linux)
  /// The figures that have a limit, one case per row of Benchmarks/budget.json.
  enum BudgetRow: String, CaseIterable, Codable, Sendable {
    case broadcastTCP = "broadcast-tcp"
    case burstTCP = "burst-tcp"
    case broadcastUnix = "broadcast-unix"
    case privateLine = "private-line"
    case connect
    case idleServer = "idle-server"
    case idlePeer = "idle-peer"
    case idleCPU = "idle-cpu"
    case peerlist
    case frozen
    case proof
    case listInstructions = "peerlist-instructions"
    case proofInstructions = "proof-instructions"
    case restart1000 = "restart-1000"
    case restart10000 = "restart-10000"
    case restartImage = "restart-image"

    /// The node and the figure that a row compares.
    struct Source: Sendable {
      var scenario: Scenario
      var figure: String
      var relay: Transport = .tcp
      /// The transport on which the floor is measured; nil if the figure is not compared with the
      /// floor.
      var floor: Transport?
      /// The factor from the figure's unit to the budget's.
      var factor = 1.0
      var unit: String
      /// For a figure in instructions: sets the number of operations.
      var counts: (@Sendable (inout Sizes, Int) -> Void)?
      /// For a figure of a restart: the number of peers.
      var restartPeers: Int?
    }

    enum Transport: Sendable { case tcp, unix }

    var source: Source {
      let delivery = "CPU per delivery"
      switch self {
      case .broadcastTCP:
        return Source(scenario: .broadcast, figure: delivery, floor: .tcp, unit: "µs")
      case .burstTCP: return Source(scenario: .burst, figure: delivery, floor: .tcp, unit: "µs")
      case .broadcastUnix:
        return Source(
          scenario: .broadcast, figure: delivery, relay: .unix, floor: .tcp, unit: "µs")
      case .privateLine:
        return Source(scenario: .privateSingle, figure: "CPU per line", floor: .tcp, unit: "µs")
      case .connect: return Source(scenario: .connect, figure: "time", floor: .tcp, unit: "ms")
      case .idleServer: return Source(scenario: .idle, figure: "RSS without peers", unit: "B")
      case .idlePeer: return Source(scenario: .idle, figure: "RSS per peer", unit: "B")
      case .idleCPU: return Source(scenario: .idle, figure: "CPU while idle", unit: "%")
      case .peerlist:
        return Source(scenario: .peerlist, figure: "CPU per list", factor: 0.001, unit: "ms")
      case .proof: return Source(scenario: .proofs, figure: "CPU per proof", unit: "µs")
      case .listInstructions:
        return Source(scenario: .peerlist, figure: "instructions", unit: "instructions") {
          $0.lists = $1
        }
      case .proofInstructions:
        return Source(scenario: .proofs, figure: "instructions", unit: "instructions") {
          $0.connections = $1
        }
      case .restart1000:
        return Source(scenario: .restart, figure: "pause", unit: "ms", restartPeers: 1_000)
      case .restart10000:
        return Source(scenario: .restart, figure: "pause", unit: "ms", restartPeers: 10_000)
      case .restartImage:
        return Source(scenario: .restart, figure: "image per peer", unit: "B", restartPeers: 10_000)
      case .frozen: return Source(scenario: .frozen, figure: "p99 with ÷ without", unit: "×")
      }
    }
  }

  /// Benchmarks/budget.json.
  struct Budget: Codable, Sendable {
    enum Kind: String, Codable, Sendable {
      /// Relay ÷ floor of the same round, or a figure that is already a quotient.
      case ratio
      case bytes, ms, percent, microseconds, instructions
    }

    struct Limit: Codable, Sendable {
      var name: BudgetRow
      var what: String
      var kind: Kind
      /// The highest value that the median may have.
      var limit: Double
    }

    var rows: [Limit]
  }

  /// The result of all rounds for one row.
  struct Verdict: Codable, Sendable {
    var name: BudgetRow
    var what: String
    var unit: String
    var floor: Spread?
    var relay: Spread
    var ratio: Spread?
    var limit: Double
    var met: Bool

    /// `pairs` are the rounds, in order: the floor's figure where there is one, and the relay's.
    init(_ limit: Budget.Limit, _ pairs: [(floor: Double?, relay: Double)]) {
      name = limit.name
      what = limit.what
      unit = limit.name.source.unit
      self.limit = limit.limit
      relay = Spread(pairs.map(\.relay))
      let floors = pairs.compactMap(\.floor)
      floor = floors.isEmpty ? nil : Spread(floors)
      ratio =
        floors.isEmpty
        ? nil
        : Spread(
          pairs.map { pair in
            // A round without a figure of the floor must count as a miss.
            guard let floor = pair.floor, floor > 0 else { return .infinity }
            return pair.relay / floor
          })
      let judged = ratio ?? relay
      met = !pairs.isEmpty && judged.median.isFinite && judged.median <= limit.limit
    }

    static let head = ["row", "floor", "relay", "ratio (lowest – highest)", "limit", ""]

    var cells: [String] {
      func text(_ spread: Spread?) -> String {
        guard let spread else { return "" }
        let (low, high) = (Report.number(spread.lowest), Report.number(spread.highest))
        return "\(Report.number(spread.median)) (\(low) – \(high))"
      }
      let tail = [text(ratio), Report.number(limit), met ? "ok" : "MISSED"]
      return ["\(what) [\(unit)]", text(floor), text(relay)] + tail
    }
  }
#endif
