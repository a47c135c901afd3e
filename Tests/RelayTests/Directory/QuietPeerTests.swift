/// Clients without `ping` that have nothing to say for hours (protocol.md §7), and who hears of
/// their leaving (§6).
import Testing

@testable import Directory
@testable import Units

@Suite("Quiet peers")
struct QuietPeerTests {
  private let stage = Self.harness(places: 10_000)

  private func nick(_ number: Int) -> String { DirectoryHarness.nick(number) }

  private func departure(_ number: Int) -> String {
    DirectoryHarness.frame(789, "\(nick(number));NOT-SERVING-ONION;D")
  }

  /// A directory with so many places, which waits long for answers: nobody goes for want of one.
  private static func harness(places: Int) -> DirectoryHarness {
    var limits = Limits()
    limits.peers = places
    limits.pongWait = .seconds(1_000_000)
    limits.hardEvict = .seconds(1_000_000)
    return DirectoryHarness(limits: limits)
  }

  @Test("one that cannot be asked stays for a day, and is evictable from ten minutes of silence on")
  func aDay() {
    let taker = stage.join(nick(1))
    stage.forgetAll()
    stage.wait(.seconds(599))
    #expect(stage.directory.registry.evictableCount == 0)
    stage.wait(.seconds(62))
    #expect(stage.directory.registry.evictableCount == 1)
    for _ in 0..<24 {
      stage.wait(.seconds(3_600))
      #expect(stage.isHere(taker))
    }
    #expect(stage.read(taker).isEmpty)
    // Whatever it says, it is as good as new.
    stage.say(687, "\(nick(1))!PUBLIC!orderbook", from: taker)
    #expect(stage.directory.registry.evictableCount == 0)
    stage.wait(.seconds(599))
    #expect(stage.directory.registry.evictableCount == 0)
    stage.wait(.seconds(62))
    #expect(stage.directory.registry.evictableCount == 1)
    stage.leave(taker)
    #expect(stage.directory.registry.evictableCount == 0)
  }

  @Test("when places run short, the one that has been silent for the longest time makes room")
  func room() throws {
    let stage = Self.harness(places: 3)
    let second = stage.join(nick(2))
    let first = stage.join(nick(3))
    // The youngest has an offer: nobody is displaced before somebody has been silent for long.
    let modern = stage.join(nick(1), ["ping"])
    stage.say(687, "\(nick(1))!PUBLIC!sw0reloffer 0 1 2 3 4", from: modern)
    stage.wait(.seconds(550))
    // Nobody is evictable yet.
    stage.say(799, "", from: modern)
    let early = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(nick(4)), from: early)
    #expect(stage.endings[early] == .full)
    stage.say(798, "", from: second)
    stage.wait(.seconds(130))
    stage.say(799, "", from: modern)
    #expect(stage.directory.registry.evictableCount == 1)
    let next = stage.join(nick(5))
    #expect(stage.endings[first] == .evicted)
    #expect(stage.isHere(second) && stage.isHere(modern) && stage.isHere(next))
    stage.say(687, "\(nick(5))!PUBLIC!sw0reloffer 0 1 2 3 4", from: next)
    let last = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(nick(6)), from: last)
    #expect(stage.endings[last] == .full)
  }

  @Test("of many, the longest silent goes first, one for each that comes")
  func order() {
    let stage = Self.harness(places: 40)
    let quiet = (0..<40).map { number in
      let id = stage.join(nick(number))
      stage.wait(.seconds(1))
      return id
    }
    stage.wait(.seconds(700))
    #expect(stage.directory.registry.evictableCount == 40)
    for number in 0..<40 {
      stage.join(nick(100 + number), ["ping"])
      #expect(stage.endings[quiet[number]] == .evicted)
      #expect(stage.closed.count == number + 1)
    }
  }

  @Test("its nick is a pending connection's at once; before that it keeps it")
  func claim() throws {
    let holder = stage.join(nick(1))
    let reader = stage.join(nick(2), ["ping"])
    stage.say(687, "\(nick(1))!PUBLIC!orderbook", from: holder)
    let early = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(nick(1)), from: early)
    #expect(stage.endings[early] == .rejected)
    stage.wait(.seconds(661))
    stage.say(799, "", from: reader)
    stage.forgetAll()
    let newPeer = try #require(stage.connect())
    stage.say(793, DirectoryHarness.handshake(nick(1)), from: newPeer)
    #expect(stage.endings[holder] == .displaced)
    #expect(stage.read(newPeer) == [DirectoryHarness.reply(accepted: true, "hello")])
    #expect(stage.read(reader) == [departure(1)])
    #expect(stage.nick(newPeer) == nick(1))
  }

  @Test("the leaving of a taker is told when it has spoken, and only then")
  func departures() {
    let reader = stage.join(nick(9), ["ping"])
    let silent = stage.join(nick(1))
    let talker = stage.join(nick(2))
    let whisperer = stage.join(nick(3))
    let unheard = stage.join(nick(4))
    stage.say(687, "\(nick(2))!PUBLIC!orderbook", from: talker)
    stage.say(685, "\(nick(3))!\(nick(9))!fill 0", from: whisperer)
    stage.say(685, "\(nick(4))!\(nick(77))!to nobody", from: unheard)
    stage.say(687, "\(nick(1))!PUBLIC!forged", from: unheard)
    stage.say(798, "", from: unheard)
    stage.forgetAll()
    for id in [silent, talker, whisperer, unheard] { stage.leave(id) }
    #expect(stage.read(reader) == [departure(2), departure(3)])
  }

  @Test("delayed lines of a sender that has left go out, and the news of its leaving behind them")
  func delayed() {
    stage.directory.limits.fanout = FanOutBudget.Limits(
      deliveries: 2, bytes: 0, orderbookRequests: 0)
    let reader = stage.join(nick(9), ["ping"])
    let sender = stage.join(nick(1))
    stage.forgetAll()
    for number in 0..<6 { stage.say(687, "\(nick(1))!PUBLIC!hp2 \(number)", from: sender) }
    stage.leave(sender)
    let before = stage.read(reader)
    #expect(!before.contains(departure(1)))
    stage.wait(.seconds(10))
    let lines = (0..<6).map { DirectoryHarness.frame(687, "\(nick(1))!PUBLIC!hp2 \($0)") }
    #expect(before + stage.read(reader) == lines + [departure(1)])
    #expect(stage.directory.publicLines.isEmpty && stage.directory.publicLines.bytes == 0)
  }

  @Test("delayed lines under a nick that another has taken do not go out")
  func taken() {
    stage.directory.limits.fanout = FanOutBudget.Limits(
      deliveries: 2, bytes: 0, orderbookRequests: 0)
    let reader = stage.join(nick(9), ["ping"])
    let sender = stage.join(nick(1))
    stage.forgetAll()
    for number in 0..<6 { stage.say(687, "\(nick(1))!PUBLIC!hp2 \(number)", from: sender) }
    stage.leave(sender)
    let before = stage.read(reader)
    stage.join(nick(1))
    stage.wait(.seconds(10))
    #expect(stage.read(reader).isEmpty)
    #expect(before.count < 6 && !before.contains(departure(1)))
  }
}
