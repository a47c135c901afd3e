/// Clients without `ping` that are silent for hours (protocol.md §7), and the `D` entries for them
/// (§6).
import Testing

@testable import Directory
@testable import Units

@Suite("Quiet peers")
struct QuietPeerTests {
  private let harness = Self.harness(places: 10_000)

  private func nick(_ number: Int) -> String { DirectoryHarness.nick(number) }

  private func departure(_ number: Int) -> String {
    DirectoryHarness.frame(789, "\(nick(number));NOT-SERVING-ONION;D")
  }

  /// Returns a directory with this many places. Its timeouts are so long that no peer is evicted
  /// for a missing answer.
  private static func harness(places: Int) -> DirectoryHarness {
    var limits = Limits()
    limits.peers = places
    limits.pongWait = .seconds(1_000_000)
    limits.hardEvict = .seconds(1_000_000)
    return DirectoryHarness(limits: limits)
  }

  @Test("a peer that cannot be probed stays for a day, and is evictable after ten minutes")
  func aDay() {
    let taker = harness.join(nick(1))
    harness.forgetAll()
    harness.wait(.seconds(599))
    #expect(harness.directory.registry.evictableCount == 0)
    harness.wait(.seconds(62))
    #expect(harness.directory.registry.evictableCount == 1)
    for _ in 0..<24 {
      harness.wait(.seconds(3_600))
      #expect(harness.isHere(taker))
    }
    #expect(harness.read(taker).isEmpty)
    // Any frame ends its silence.
    harness.send(687, "\(nick(1))!PUBLIC!orderbook", from: taker)
    #expect(harness.directory.registry.evictableCount == 0)
    harness.wait(.seconds(599))
    #expect(harness.directory.registry.evictableCount == 0)
    harness.wait(.seconds(62))
    #expect(harness.directory.registry.evictableCount == 1)
    harness.leave(taker)
    #expect(harness.directory.registry.evictableCount == 0)
  }

  @Test("in a full directory the peer that has been silent longest is evicted")
  func room() throws {
    let harness = Self.harness(places: 3)
    let second = harness.join(nick(2))
    let first = harness.join(nick(3))
    // An offer protects the youngest peer, so only a long silence makes a peer evictable.
    let modern = harness.join(nick(1), ["ping"])
    harness.send(687, "\(nick(1))!PUBLIC!sw0reloffer 0 1 2 3 4", from: modern)
    harness.wait(.seconds(550))
    // No peer is evictable yet.
    harness.send(799, "", from: modern)
    let early = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(nick(4)), from: early)
    #expect(harness.endings[early] == .full)
    harness.send(798, "", from: second)
    harness.wait(.seconds(130))
    harness.send(799, "", from: modern)
    #expect(harness.directory.registry.evictableCount == 1)
    let next = harness.join(nick(5))
    #expect(harness.endings[first] == .evicted)
    #expect(harness.isHere(second) && harness.isHere(modern) && harness.isHere(next))
    harness.send(687, "\(nick(5))!PUBLIC!sw0reloffer 0 1 2 3 4", from: next)
    let last = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(nick(6)), from: last)
    #expect(harness.endings[last] == .full)
  }

  @Test("each new peer evicts the one of many that has been silent longest")
  func order() {
    let harness = Self.harness(places: 40)
    let quiet = (0..<40).map { number in
      let id = harness.join(nick(number))
      harness.wait(.seconds(1))
      return id
    }
    harness.wait(.seconds(700))
    #expect(harness.directory.registry.evictableCount == 40)
    for number in 0..<40 {
      harness.join(nick(100 + number), ["ping"])
      #expect(harness.endings[quiet[number]] == .evicted)
      #expect(harness.closed.count == number + 1)
    }
  }

  @Test("an evictable peer loses its nick to a claimant at once; before that it keeps it")
  func claim() throws {
    let holder = harness.join(nick(1))
    let reader = harness.join(nick(2), ["ping"])
    harness.send(687, "\(nick(1))!PUBLIC!orderbook", from: holder)
    let early = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(nick(1)), from: early)
    #expect(harness.endings[early] == .rejected)
    harness.wait(.seconds(661))
    harness.send(799, "", from: reader)
    harness.forgetAll()
    let newPeer = try #require(harness.connect())
    harness.send(793, DirectoryHarness.handshake(nick(1)), from: newPeer)
    #expect(harness.endings[holder] == .displaced)
    #expect(harness.read(newPeer) == [DirectoryHarness.reply(accepted: true, "hello")])
    #expect(harness.read(reader) == [departure(1)])
    #expect(harness.nick(newPeer) == nick(1))
  }

  @Test("the D entry of a taker is sent only if the taker has sent a message")
  func departures() {
    let reader = harness.join(nick(9), ["ping"])
    let silent = harness.join(nick(1))
    let talker = harness.join(nick(2))
    let whisperer = harness.join(nick(3))
    let ignored = harness.join(nick(4))
    harness.send(687, "\(nick(2))!PUBLIC!orderbook", from: talker)
    harness.send(685, "\(nick(3))!\(nick(9))!fill 0", from: whisperer)
    harness.send(685, "\(nick(4))!\(nick(77))!to nobody", from: ignored)
    harness.send(687, "\(nick(1))!PUBLIC!forged", from: ignored)
    harness.send(798, "", from: ignored)
    harness.forgetAll()
    for id in [silent, talker, whisperer, ignored] { harness.leave(id) }
    #expect(harness.read(reader) == [departure(2), departure(3)])
  }

  @Test("delayed lines of a sender that has left are sent, and its D entry after them")
  func delayed() {
    harness.directory.limits.fanout = FanOutBudget.Limits(
      deliveries: 2, bytes: 0, orderbookRequests: 0)
    let reader = harness.join(nick(9), ["ping"])
    let sender = harness.join(nick(1))
    harness.forgetAll()
    for number in 0..<6 { harness.send(687, "\(nick(1))!PUBLIC!hp2 \(number)", from: sender) }
    harness.leave(sender)
    let before = harness.read(reader)
    #expect(!before.contains(departure(1)))
    harness.wait(.seconds(10))
    let lines = (0..<6).map { DirectoryHarness.frame(687, "\(nick(1))!PUBLIC!hp2 \($0)") }
    #expect(before + harness.read(reader) == lines + [departure(1)])
    #expect(harness.directory.publicLines.isEmpty && harness.directory.publicLines.bytes == 0)
  }

  @Test("delayed lines under a nick that another peer has taken are not sent")
  func taken() {
    harness.directory.limits.fanout = FanOutBudget.Limits(
      deliveries: 2, bytes: 0, orderbookRequests: 0)
    let reader = harness.join(nick(9), ["ping"])
    let sender = harness.join(nick(1))
    harness.forgetAll()
    for number in 0..<6 { harness.send(687, "\(nick(1))!PUBLIC!hp2 \(number)", from: sender) }
    harness.leave(sender)
    let before = harness.read(reader)
    harness.join(nick(1))
    harness.wait(.seconds(10))
    #expect(harness.read(reader).isEmpty)
    #expect(before.count < 6 && !before.contains(departure(1)))
  }
}
