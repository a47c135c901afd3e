import Glibc
import Testing

extension ProductTests.Soak {
  @Test(
    "20 restarts with 5,000 peers, 10 public lines a second and 50 private pairs: every line once",
    .timeLimit(.minutes(15)))
  func restarts() throws {
    _ = ProductTests.ManyPeersTests.raiseDescriptorLimit()
    let site = try RestartSite()
    let store = try site.store()
    let descriptors = store.descriptorCount
    var relay = try site.relay()
    let nick = try relay.nick
    let load = try RestartLoad(
      .init(peers: 5_000, publicSenders: 10, pairs: 50, slowReaders: 2), to: relay,
      unix: site.unixPath)
    load.everyoneReads()
    var talk = Talk(load)
    try talk.goOn(for: 2)
    let before = relay.residentBytes
    var (longestPause, longestStop) = (0.0, 0)
    var imageBytes = 0
    for _ in 1...20 {
      try talk.goOn(for: 1)
      let began = monotonicSeconds()
      relay.child.signal(SIGTERM)
      try talk.goOn(until: { relay.child.hasExited }, within: 60)
      #expect(relay.child.exitCode == 0)
      let left = try #require(relay.handedOver, "\(relay.log)")
      imageBytes = max(imageBytes, left.bytes)
      // All output of the old relay is read. Everything that arrives later is from the new one.
      try load.readWhatHasCome()
      let received = load.linesReceived
      load.sendPublic()
      try load.sendEverything()
      relay = try site.relay(isReady: false)
      try talk.goOn(until: { load.linesReceived > received }, within: 60)
      longestPause = max(longestPause, load.lastReceived - began)
      try talk.goOn(until: { relay.takenOver != nil }, within: 60)
      let taken = try #require(relay.takenOver)
      #expect(taken.connections == left.connections && taken.lost == 0)
      longestStop = max(longestStop, taken.milliseconds)
      try relay.waitUntilItServes { relay.statusPort }
      #expect(try relay.nick == nick)
    }
    // Waits until the relay has released the memory that only its start needed.
    try talk.goOn(for: 13)
    try load.settle(within: 120)
    let after = relay.residentBytes
    print(
      """
      20 restarts, 5,000 peers, \(load.linesReceived) lines: longest pause \
      \(Int(longestPause * 1_000)) ms from SIGTERM to the first line passed on, \(longestStop) ms \
      from image to image; image at most \(imageBytes) bytes; RSS \(before) before, \(after) after
      """)
    #expect(after < before * 3 / 2)
    try eventually("the store is empty") { store.descriptorCount <= descriptors }
  }

  /// Sends 10 public and 50 private lines a second.
  private struct Talk {
    private let load: RestartLoad
    private var next = monotonicSeconds()

    init(_ load: RestartLoad) { self.load = load }

    mutating func goOn(for seconds: Double) throws {
      let end = monotonicSeconds() + seconds
      try goOn(until: { monotonicSeconds() >= end }, within: seconds + 60)
    }

    mutating func goOn(until condition: () throws -> Bool, within seconds: Double) throws {
      let deadline = monotonicSeconds() + seconds
      while try !condition() {
        guard monotonicSeconds() < deadline else { throw TestFailure("not within \(seconds) s") }
        if monotonicSeconds() >= next {
          next += 0.1
          load.sendPublic()
          for _ in 0..<5 { load.sendPrivate() }
        }
        try load.step()
      }
    }
  }
}
