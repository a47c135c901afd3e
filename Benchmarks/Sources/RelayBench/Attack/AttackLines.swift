#if os(Linux)
  /// The lines of the attack driver, as Tor and JoinMarket's clients write them.
  enum AttackLines {
    /// Returns the line that Tor writes first on every connection (`HiddenServiceExportCircuitID
    /// haproxy`).
    static func proxy(circuit: UInt32) -> String {
      let hex = String(circuit, radix: 16)
      let digits = String(repeating: "0", count: 8 - hex.utf8.count) + hex
      return
        "PROXY TCP6 fc00:dead:beef:4dad::\(digits.prefix(4)):\(digits.suffix(4)) ::1 65535 5222\r\n"
    }

    /// The features that a peer advertises in its handshake.
    enum Features {
      /// Those of joinmarket-ng's clients.
      case usual
      /// Includes `nick_auth`, so the relay requests a proof of the nick.
      case provable
      /// The most that the relay accepts: 32 names of 32 characters.
      case longest

      var names: [String] {
        switch self {
        case .usual: ["peerlist_features", "ping"]
        case .provable: ["nick_auth", "peerlist_features", "ping"]
        case .longest:
          (0..<31).map { number in
            let digits = String(number)
            return "feature" + String(repeating: "x", count: 25 - digits.utf8.count) + digits
          } + ["peerlist_features"]
        }
      }
    }

    /// Returns the PROXY line and the handshake in one array.
    static func greeting(
      circuit: UInt32, nick: String, location: String, features: Features = .usual
    ) -> [UInt8] {
      let listed = features.names.map { "\"\($0)\": true" }.joined(separator: ", ")
      let inner =
        "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": "
        + "\"\(location)\", "
        + "\"proto-ver\": 5, \"features\": {\(listed)}, \"nick\": \"\(nick)\", "
        + "\"network\": \"regtest\"}"
      let escaped = inner.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\\\"")
      return Array(proxy(circuit: circuit).utf8) + Lines.frame(793, escaped)
    }

    static let noLocation = "NOT-SERVING-ONION"
    /// The address that the relay's peers connect to: an onion with a valid checksum, without a
    /// service.
    static let directory = "aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dyp3kead.onion:5222"
    static let offer = "sw0absoffer 0 27300 2700000000 250 500"
    static let disconnect = Lines.frame(801, "")
    static let listRequest = Lines.frame(791, "")

    static func orderbook(from nick: String) -> [UInt8] {
      Lines.frame(687, "\(nick)!PUBLIC!orderbook")
    }

    static func offer(from nick: String) -> [UInt8] {
      Lines.frame(687, "\(nick)!PUBLIC!\(offer)")
    }

    /// Returns a public line of exactly `size` bytes, terminator included.
    static func filler(from nick: String, size: Int) -> [UInt8] {
      let bare = "\(nick)!PUBLIC!filler "
      let missing = max(0, size - Lines.frame(687, bare).count)
      return Lines.frame(687, bare + String(repeating: "x", count: missing))
    }
  }

  /// A generator with a seed, so that a run can be repeated (Steele, Lea and Flood, 2014).
  struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
      return mixed ^ (mixed >> 31)
    }
  }

  /// The names of one run. Honest peers and attackers never share a nick or a circuit. Both
  /// processes derive the honest peers' nicks from the seed.
  struct Names: Sendable {
    let seed: UInt64
    private static let saltBelow = 58 * 58 * 58 * 58

    private var salt: Int { Int(seed % UInt64(Self.saltBelow)) }

    func honestNick(_ number: Int) -> String { Lines.nick(number, salt: salt * 2) }
    func attackerNick(_ number: Int) -> String { Lines.nick(number, salt: salt * 2 + 1) }
    func honestOnion(_ number: Int) -> String { Lines.onion(number, salt: salt * 2) }
    func attackerOnion(_ number: Int) -> String { Lines.onion(number, salt: salt * 2 + 1) }

    /// The last characters of every honest nick. No attacker's nick ends with them.
    var honestTail: [UInt8] { Array(honestNick(0).utf8.suffix(7)) }

    /// Circuit ids start at 1, as Tor's do. Honest peers have odd ids, attackers even ones.
    func honestCircuit(_ number: Int) -> UInt32 { UInt32(number) * 2 + 1 }
    func attackerCircuit(_ number: Int) -> UInt32 { UInt32(number) * 2 + 2 }
  }
#endif
