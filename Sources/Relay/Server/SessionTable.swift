import Directory
import Units

/// All sessions: those that the directory knows, those in `.closing`, and lingering ones.
package struct SessionTable {
  /// By slot of the directory's registry.
  private var slots: [Session?] = []
  private var lingering: [ObjectIdentifier: Session] = [:]
  private var closing: [Session] = []

  /// The lingering sessions, the first due first.
  var allLingering: [(session: Session, deadline: Instant)] {
    lingering.values.compactMap { session in
      guard case .lingering(_, let end) = session.state else { return nil }
      return (session, end)
    }.sorted { $0.1 < $1.1 }
  }

  package var lingeringCount: Int { lingering.count }
  var hasClosing: Bool { !closing.isEmpty }
  /// The number of slots, free ones included.
  package var slotCount: Int { slots.count }

  /// The sessions that the directory knows.
  package var all: some Sequence<Session> { slots.lazy.compactMap { $0 } }

  /// Returns the session of this peer, or nil if the directory has forgotten it.
  package subscript(id: PeerID) -> Session? {
    let slot = Int(id.slot)
    guard slot < slots.count, let session = slots[slot], session.id == id else { return nil }
    return session
  }

  mutating func insert(_ session: Session) {
    let slot = Int(session.id.slot)
    while slots.count <= slot { slots.append(nil) }
    slots[slot] = session
  }

  /// Adds a lingering session of another process.
  mutating func insertLingering(_ session: Session) {
    lingering[ObjectIdentifier(session)] = session
  }

  /// Moves a session that the directory knows to `.closing`.
  /// - Returns: false when it is in `.closing` or a later state already.
  mutating func close(_ session: Session, _ reason: CloseReason) -> Bool {
    guard session.state.isOpen else { return false }
    session.move(to: .closing(reason))
    closing.append(session)
    return true
  }

  /// Returns and removes the sessions in `.closing`.
  mutating func takeClosing() -> [Session] {
    defer { closing.removeAll(keepingCapacity: true) }
    return closing
  }

  /// Moves a session that the directory has forgotten to `.closed`, or to `.lingering` until `end`.
  mutating func remove(_ session: Session, _ reason: CloseReason, lingeringUntil end: Instant?) {
    slots[Int(session.id.slot)] = nil
    guard let end else { return session.move(to: .closed(reason)) }
    session.move(to: .lingering(reason, until: end))
    lingering[ObjectIdentifier(session)] = session
  }

  /// Removes a lingering session.
  /// - Returns: false when it was not lingering.
  mutating func endLingering(_ session: Session) -> Bool {
    guard case .lingering(let reason, _) = session.state else { return false }
    lingering[ObjectIdentifier(session)] = nil
    session.move(to: .closed(reason))
    return true
  }

  /// Returns the lingering sessions whose time has passed, in the state `.closed`.
  mutating func takeExpired(at now: Instant) -> [Session] {
    guard !lingering.isEmpty else { return [] }
    let expired = lingering.values.filter {
      if case .lingering(_, let end) = $0.state { end <= now } else { false }
    }
    for session in expired { _ = endLingering(session) }
    return expired
  }
}
