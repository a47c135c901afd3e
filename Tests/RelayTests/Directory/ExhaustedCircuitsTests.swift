import Testing

@testable import Directory
@testable import Units
@testable import Wire

@Suite("Circuits whose budgets stay exhausted")
struct ExhaustedCircuitsTests {
  private let minute = Duration.seconds(60)

  private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64((1_000 + seconds) * 1e9))
  }

  private func circuit(_ value: UInt32, listener: UInt16 = 0) -> CircuitID {
    CircuitID(value: value, listener: listener)
  }

  /// Notes a refusal of each circuit every `step` seconds.
  private func noted(
    _ circuits: [CircuitID], from start: Double = 0, until end: Double, every step: Double = 1,
    into exhausted: inout ExhaustedCircuits
  ) {
    for second in stride(from: start, through: end, by: step) {
      for circuit in circuits { exhausted.note(circuit, at: at(second)) }
    }
  }

  @Test("a circuit is due after the set time, once, and again after the same time")
  func due() {
    var exhausted = ExhaustedCircuits()
    exhausted.listener = 0
    noted([circuit(7)], until: 59, into: &exhausted)
    #expect(exhausted.take(9, after: minute, at: at(59.5)) == [])
    exhausted.note(circuit(7), at: at(60))
    #expect(exhausted.take(9, after: minute, at: at(60)) == [circuit(7)])
    #expect(exhausted.take(9, after: minute, at: at(60)) == [])
    noted([circuit(7)], from: 61, until: 120, into: &exhausted)
    #expect(exhausted.take(9, after: minute, at: at(120)) == [])
    exhausted.note(circuit(7), at: at(121))
    #expect(exhausted.take(9, after: minute, at: at(121)) == [circuit(7)])
  }

  @Test("a pause of ten seconds restarts the time, a shorter one does not")
  func pauses() {
    var exhausted = ExhaustedCircuits()
    exhausted.listener = 0
    noted([circuit(1)], until: 72, every: 9, into: &exhausted)
    noted([circuit(2)], until: 70, every: 10, into: &exhausted)
    #expect(exhausted.take(9, after: minute, at: at(72)) == [circuit(1)])
    // A circuit that has stopped is not closed for earlier refusals.
    noted([circuit(3)], from: 100, until: 170, into: &exhausted)
    #expect(exhausted.take(9, after: minute, at: at(180)) == [])
  }

  @Test("only circuits of the watched listener count, and none without a watched listener")
  func listeners() {
    var exhausted = ExhaustedCircuits()
    noted([circuit(1)], until: 70, into: &exhausted)
    #expect(exhausted.count == 0)
    exhausted.listener = 1
    noted([circuit(1), circuit(1, listener: 1)], until: 70, into: &exhausted)
    #expect(exhausted.take(9, after: minute, at: at(70)) == [circuit(1, listener: 1)])
    noted([circuit(2, listener: 1)], from: 70, until: 140, into: &exhausted)
    exhausted.forgetAll()
    #expect(exhausted.take(9, after: minute, at: at(140)) == [])
  }

  @Test("the longest exhausted come first, at most the requested number, and memory is bounded")
  func bounded() {
    var exhausted = ExhaustedCircuits()
    exhausted.listener = 0
    let many = (0..<5_000).map { circuit(UInt32($0)) }
    for (number, circuit) in many.enumerated() {
      exhausted.note(circuit, at: at(Double(number) / 1_000))
    }
    #expect(exhausted.count == ExhaustedCircuits.capacity)
    noted(Array(many.prefix(20)), from: 6, until: 70, into: &exhausted)
    #expect(exhausted.take(16, after: minute, at: at(70)) == Array(many.prefix(16)))
    #expect(exhausted.take(16, after: minute, at: at(70)) == Array(many[16..<20]))
    // The other circuits have stopped, so they are removed.
    #expect(exhausted.count == 0)
  }

  @Test("the directory finds circuits that are connected and over their budgets")
  func inDirectory() throws {
    var limits = Limits()
    limits.messages = Rate(count: 1, per: .seconds(1), burst: 1)
    let harness = DirectoryHarness(limits: limits)
    harness.directory.exhaustedCircuits.listener = 0
    let peers = try (0..<4).map { number in
      let id = try #require(harness.connect())
      harness.identify(id, circuit: 7)
      harness.send(793, DirectoryHarness.handshake("J5aaaaaaaaaaaaa\(number + 1)"), from: id)
      return id
    }
    func taken() -> [CircuitID] {
      harness.directory.takeExhaustedCircuits(9, after: minute, at: harness.now)
    }
    for _ in 0..<61 {
      #expect(taken() == [])
      harness.pass(.seconds(1))
      for peer in peers { harness.send(798, "", from: peer) }
    }
    #expect(taken() == [circuit(7)])
    // One connection can use at most half of its circuit's budget.
    for _ in 0..<70 {
      harness.pass(.seconds(1))
      harness.send(798, "", from: peers[0])
      harness.send(798, "", from: peers[0])
    }
    #expect(taken() == [])
    for _ in 0..<70 {
      harness.pass(.seconds(1))
      for peer in peers { harness.send(798, "", from: peer) }
    }
    for peer in peers { harness.leave(peer) }
    #expect(taken() == [])
  }
}
