/// The sessions that get broadcasts. Those from `restStart` on have not got `rest` yet.
extension Outbox {
  package func subscribe(_ session: Session) {
    mark(session)
    session.turn.sharedFrom = Int32(shared.count)
    session.subscriberIndex = Int32(subscribers.count)
    subscribers.append(session)
    if isSending { takeOffRest(session) }
  }

  /// Removes the session from broadcasts. Its queued frames stay queued, except broadcasts that are
  /// being sent in portions: `flush` it first.
  func unsubscribe(_ session: Session) {
    guard session.subscriberIndex >= 0 else { return }
    fixShared(session)
    if isSending, session.subscriberIndex < restStart {
      restStart -= 1
      swap(Int(session.subscriberIndex), restStart)
    }
    swap(Int(session.subscriberIndex), subscribers.count - 1)
    subscribers.removeLast()
    session.subscriberIndex = -1
  }

  private func swap(_ a: Int, _ b: Int) {
    guard a != b else { return }
    subscribers.swapAt(a, b)
    subscribers[a].subscriberIndex = Int32(a)
    subscribers[b].subscriberIndex = Int32(b)
  }

  func isOwedRest(_ session: Session) -> Bool {
    isSending && Int(session.subscriberIndex) >= restStart
  }

  /// It has got `rest`, or has subscribed after it.
  func takeOffRest(_ session: Session) {
    swap(Int(session.subscriberIndex), restStart)
    restStart += 1
    if restStart == subscribers.count { rest.removeAll(keepingCapacity: true) }
  }
}
