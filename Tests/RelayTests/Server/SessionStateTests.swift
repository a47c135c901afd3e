// The states of a session, drawn in Session+State.swift: every allowed transition and no other.

import Testing

@testable import Directory
@testable import Server
@testable import Units

@Suite("Session states")
struct SessionStateTests {
  private static let until = Instant(nanoseconds: 5)
  static let all: [Session.State] = [
    .expectingProxyLine, .handshaking, .held, .awaitingProof, .proofPostponed, .present,
    .closing(.slowReader), .lingering(.slowReader, until: until), .closed(.slowReader),
  ]

  /// Returns the states that may follow a state.
  private static func following(_ state: Session.State) -> [Session.State] {
    let ends: [Session.State] = [
      .closing(.slowReader), .lingering(.slowReader, until: until), .closed(.slowReader),
    ]
    return switch state {
    case .expectingProxyLine: [.handshaking, .closing(.slowReader), .closed(.slowReader)]
    case .handshaking: [.held, .awaitingProof, .present] + ends
    case .held: [.present] + ends
    case .awaitingProof: [.proofPostponed, .present] + ends
    case .proofPostponed: [.awaitingProof] + ends
    case .present: ends
    case .closing, .lingering: [.closed(.slowReader)]
    case .closed: []
    }
  }

  @Test("every pair of states is allowed or forbidden as drawn", arguments: all)
  func transitions(_ state: Session.State) {
    let allowed = Self.following(state)
    for next in Self.all {
      #expect(state.allows(next) == allowed.contains(next), "\(state) to \(next)")
    }
  }

  @Test("the reason to close does not change")
  func reason() {
    #expect(!Session.State.closing(.slowReader).allows(.closed(.networkError)))
    #expect(!Session.State.lingering(.rejected, until: Self.until).allows(.closed(.networkError)))
    #expect(Session.State.lingering(.rejected, until: Self.until).allows(.closed(.rejected)))
    #expect(
      Self.all.map(\.closeReason) == [nil, nil, nil, nil, nil, nil]
        + Array(repeating: .slowReader, count: 3))
  }

  @Test("lines are taken from sessions that are open and neither held nor postponed")
  func lines() {
    #expect(
      Self.all.filter(\.takesLines) == [
        .expectingProxyLine, .handshaking, .awaitingProof, .present,
      ])
    #expect(Self.all.filter { !$0.isOpen }.allSatisfy { !$0.takesLines && $0.closeReason != nil })
  }

  @Test("a forbidden transition traps, in release too")
  func trap() async {
    await #expect(processExitsWith: .failure) {
      let bench = try SessionBench()
      let (session, _) = bench.session(0)
      session.move(to: .present)
      session.move(to: .handshaking)
    }
  }
}
