/// The time for an answer starts when the probe has left the relay.
import Testing

@testable import Directory
@testable import EventLoop
@testable import Server
@testable import Settings
@testable import Units
@testable import Wire

@Suite("Probes behind a backlog")
struct ProbeWatchTests {
  private let start = Instant(nanoseconds: 1_000_000_000_000)
  private let id = PeerID(slot: 1, generation: 0)

  private func look(_ watch: inout ProbeWatch, _ seconds: Double, _ unsent: Int) -> Bool {
    let now = start + .milliseconds(Int(seconds * 1_000))
    return watch.look(at: now) { _ in ProbeWatch.Figures(handed: 1_000_000, unsent: unsent) } == [
      id
    ]
  }

  private func watching() -> ProbeWatch {
    var watch = ProbeWatch()
    watch.add(id, at: start)
    watch.noteFlush { _ in 1_000_000 }
    return watch
  }

  @Test("a probe that has left starts the time once, even if the kernel still holds a few bytes")
  func left() {
    var watch = watching()
    let hasLeft = look(&watch, 0.5, 4_000)
    #expect(hasLeft && watch.isEmpty)
  }

  @Test("the time does not start before a reader of any speed has reached the probe")
  func reading() {
    var watch = watching()
    // The reader takes 1 kB/s on average, in steps of half a minute.
    for second in 1...600 {
      let unsent = 600_000 - second / 30 * 30_000
      let isWaiting = look(&watch, Double(second), unsent)
      #expect(isWaiting)
    }
    #expect(watch.isEmpty)
  }

  @Test("it starts for a reader that takes nothing for a minute; a second probe does not delay it")
  func frozen() {
    var watch = watching()
    for second in 1...59 {
      let isWaiting = look(&watch, Double(second), 500_000)
      #expect(isWaiting)
    }
    watch.add(id, at: start + .seconds(59))
    watch.noteFlush { _ in 1_000_000 }
    for second in 61...70 {
      let isWaiting = look(&watch, Double(second), 500_000)
      #expect(!isWaiting)
    }
    let isWaiting = look(&watch, 71, 400_000)
    #expect(isWaiting)
  }

  @Test("a probe that has overtaken a backlog has left when the bytes before it have")
  func ahead() {
    var watch = watching()
    watch.noteSent(id, end: 500_000)
    let isWaiting = look(&watch, 0.5, 500_100)
    #expect(isWaiting && !watch.isEmpty)
    let hasLeft = look(&watch, 1, 500_000)
    #expect(hasLeft && watch.isEmpty)
  }

  @Test("a peer that has left is forgotten")
  func gone() {
    var watch = watching()
    #expect(watch.look(at: start) { _ in nil }.isEmpty == true && watch.isEmpty)
    watch.add(id, at: start)
    watch.noteFlush { _ in nil }
    #expect(watch.isEmpty)
  }
}

@Suite("Probes of a slow reader", .serialized)
struct SlowProbeTests {
  @Test("a probe follows the line that is being sent, not the whole flood")
  func overtakes() throws {
    let loop = try EventLoop()
    var settings = Settings()
    settings.network = .regtest
    settings.publicBytesLimit = .kibibytes(0)
    let node = DirectoryNode(
      loop: loop, settings: settings, nick: try #require(Nick(DirectoryHarness.relayNick)))
    func connect(_ number: Int, buffer: Int32? = nil) -> TestSocket {
      let (ours, theirs) = TestSocket.pair(buffer: buffer)
      node.accept(ours.take())
      let hello = DirectoryHarness.handshake(DirectoryHarness.nick(number), ["ping"])
      theirs.write(DirectoryHarness.frame(793, hello) + "\r\n")
      return theirs
    }
    let holder = connect(1, buffer: 4_608)
    let flooder = connect(2)
    try #require(loop.turns { node.directory.registry.peerCount == 2 })
    _ = holder.read()
    let long = String(repeating: "x", count: 30_000)
    for _ in 0..<20 {
      flooder.write(
        DirectoryHarness.frame(687, "\(DirectoryHarness.nick(2))!PUBLIC!\(long)") + "\r\n")
      loop.turn()
    }
    try #require(loop.turns { node.backlogs.total > 500_000 })
    // Another connection claims the holder's nick.
    let claimant = connect(1)
    try #require(loop.turns { node.directory.takeovers.count == 1 })
    var received: [UInt8] = []
    let hasCome = loop.turns {
      received += holder.read(4_000)
      return String(decoding: received, as: UTF8.self).contains("798") || received.count > 200_000
    }
    #expect(hasCome && received.count < 100_000, "\(received.count) bytes before it")
    for line in DirectoryHarness.lines(received[...(received.lastIndex(of: 10) ?? 0)]) {
      #expect(line.count > 30_000 || line == DirectoryHarness.ping)
    }
    withExtendedLifetime((flooder, claimant)) {}
  }
}
