#if os(Linux)
  /// One kind of attack. It owns the attackers' peers and decides what they send and when.
  protocol AttackPlan: PeerPoolOwner {
    var pool: PeerPool { get }
    var report: AttackReport { get set }
    /// Whether the preparation is complete and the attack may begin.
    var isPrepared: Bool { get }
    /// Continues the preparation; called in every turn until `isPrepared`.
    func prepare(at now: Int64) throws(BenchError)
    /// Starts the attack.
    func begin(at now: Int64) throws(BenchError)
    /// Continues the attack; called in every turn.
    func step(at now: Int64) throws(BenchError)
  }

  /// The report of the attackers' process.
  struct AttackReport: Codable, Sendable {
    /// The number of connections opened.
    var opened = 0
    /// Handshakes that the relay accepted, rejected with a 795, or ended by closing the connection.
    var accepted = 0
    var rejected = 0
    var refused = 0
    /// Connections that the relay closed after the handshake without a request of the peer.
    var closed = 0
    var lines = 0
    var bytes = 0
    /// The number of victims' nicks that an attacker got.
    var stolen = 0
    /// CPU time in nanoseconds.
    var cpu: Int64 = 0

    mutating func ended(_ end: PeerPool.End) {
      switch end {
      case .refused: refused += 1
      case .rejected: rejected += 1
      case .afterHandshake: closed += 1
      }
    }
  }

  extension AttackPlan {
    func send(_ bytes: [UInt8], from slot: Int, lines: Int = 1) {
      report.lines += lines
      report.bytes += bytes.count
      pool.send(bytes, from: slot)
    }
  }

  extension Attack {
    /// Returns the plan of this attack, nil for the quiet run.
    func plan(_ path: String, _ options: AttackerOptions) throws(BenchError) -> (any AttackPlan)? {
      switch self {
      case .quiet: nil
      case .newNicks8: try ChurnPlan(path, options, circuits: 8, announces: false)
      case .newNicks80: try ChurnPlan(path, options, circuits: 80, announces: false)
      case .newNicks800: try ChurnPlan(path, options, circuits: 800, announces: false)
      case .joinAndLeave: try ChurnPlan(path, options, circuits: 80, announces: true)
      case .silentPending: try PendingPlan(path, options, owesProof: false)
      case .owedProofs: try PendingPlan(path, options, owesProof: true)
      case .theft: try TheftPlan(path, options)
      case .orderbooks, .publicBursts, .largeLines, .fullPlaces, .lists, .slowReaders:
        try StandingPlan(path, options, groups: StandingPlan.groups(of: self, options))
      }
    }
  }

  /// What the attackers' process needs to know about the run.
  struct AttackerOptions: Sendable {
    var names: Names
    /// `MAX_PEERS` of the relay.
    var places: Int
    /// The slots of the honest peers whose nicks are claimed.
    var victims: Range<Int>
    /// Divides the number of attackers, for a small machine or a test.
    var scale = 1
  }
#endif
