#if os(Linux)
  import ArgumentParser

  /// The attacks on the relay, with the letters of docs/attacks.md.
  enum Attack: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
    case quiet
    case newNicks8 = "a-8"
    case newNicks80 = "a-80"
    case newNicks800 = "a-800"
    case orderbooks = "b-orderbook"
    case publicBursts = "b-public"
    case largeLines = "c"
    case fullPlaces = "d"
    case silentPending = "e-silent"
    case owedProofs = "e-proof"
    case joinAndLeave = "f"
    case lists = "g"
    case slowReaders = "h"
    case theft = "i"

    var text: String {
      switch self {
      case .quiet: "no attack"
      case .newNicks8: "new nicks on 8 circuits: join, 6 !orderbook, leave, again"
      case .newNicks80: "new nicks on 80 circuits: join, 6 !orderbook, leave, again"
      case .newNicks800: "new nicks on 800 circuits: join, 6 !orderbook, leave, again"
      case .orderbooks: "5,000 peers send 6 !orderbook each at once"
      case .publicBursts: "5,000 peers send 120 public lines of 300 bytes each at once"
      case .largeLines: "10 peers send 64 KiB public lines, honest peers read 50 kB/s"
      case .fullPlaces: "silent peers that answer PING hold all places, new peers try to join"
      case .silentPending: "200 silent connections a second, new peers try to join"
      case .owedProofs: "200 connections a second that owe a proof, new peers try to join"
      case .joinAndLeave: "80 circuits: join as a maker, announce an offer, leave, again"
      case .lists: "9,000 makers with the longest features ask for lists at once"
      case .slowReaders: "3,000 peers read 1 kB/s while 20 peers send public lines"
      case .theft: "a claim to slow makers' nicks behind 60 public lines of 39 kB"
      }
    }

    /// Whether honest peers join while the attack runs.
    var hasJoiners: Bool {
      switch self {
      case .fullPlaces, .silentPending, .owedProofs: true
      default: false
      }
    }

    /// The run without attack that its figures are compared with.
    var reference: Reference { self == .largeLines ? .slow : .fast }

    enum Reference: String, Codable, Sendable {
      /// Honest peers read without a limit.
      case fast
      /// Honest peers read 50 kB/s.
      case slow

      /// Bytes a second; 0: no limit.
      var readRate: Int { self == .slow ? 50_000 : 0 }
    }

    /// The read rates of the makers whose nicks are claimed, in bytes a second.
    static let victimRates = [1_000, 10_000, 50_000]
  }

  /// The number of honest peers, and how often they send.
  struct HonestSizes: Codable, Sendable {
    var makers = 100
    var takers = 20
    var joiners = 20
    /// Public lines a second, over all makers.
    var publicLines = 2
    /// Private lines a second, over all pairs of a maker and a taker.
    var privateLines = 5
    /// `!orderbook` lines a minute, over all takers.
    var orderbooksPerMinute = 20

    var fault: String? {
      if makers < 1 || makers > 5000 { return "--honest-makers: 1 to 5000" }
      if takers < 1 || takers > 1000 { return "--honest-takers: 1 to 1000" }
      if joiners < 0 || joiners > 1000 { return "--joiners: 0 to 1000" }
      return nil
    }
  }
#endif
