/// The held descriptors, and the effect of a relay's packets on them (docs/fd-store.md). It uses no
/// other socket.
///
/// A put takes effect when it is committed. A fetch leaves everything held until the relay
/// confirms. So a relay that dies in between changes nothing.
struct Holder {
  private(set) var held: [Batch] = []

  var count: Int { held.reduce(0) { $0 + $1.descriptors.count } }

  mutating func empty() { held = [] }

  /// The state of a conversation with a relay.
  enum Conversation {
    case idle
    case putting([Batch])
    /// All batches before `next` but the last one are acknowledged.
    case fetching(next: Int)
    case confirming
  }

  enum Answer {
    case send([UInt8], [Int32])
    /// Sends the reason and ends the conversation.
    case refuse(String)
  }

  enum Event: Equatable {
    case committed
    case confirmed
  }

  static let version: UInt8 = 1

  /// Handles one packet. `event` says what changed.
  mutating func receive(
    _ packet: [UInt8], _ batch: Batch, in conversation: inout Conversation, event: inout Event?
  ) -> Answer {
    let body = packet.dropFirst()
    let isBatch = packet[0] == UInt8(ascii: "B")
    guard isBatch || batch.descriptors.isEmpty else {
      return .refuse("descriptors outside a batch")
    }
    switch (packet[0], conversation) {
    case (UInt8(ascii: "P"), .idle), (UInt8(ascii: "F"), .idle):
      guard body.elementsEqual([Self.version]) else { return .refuse("version 1 is spoken here") }
      if packet[0] == UInt8(ascii: "P") {
        conversation = .putting([])
        return Self.ok
      }
      conversation = .fetching(next: 0)
      return .send([UInt8(ascii: "N")] + Self.bytes(of: count), [])
    case (UInt8(ascii: "B"), .putting(var batches)):
      guard batch.names.count == batch.descriptors.count,
        (1...Packet.mostDescriptors).contains(batch.names.count)
      else { return .refuse("a batch has 1 to 250 descriptors and a name for each") }
      conversation = .idle
      batches.append(batch)
      conversation = .putting(batches)
      return Self.ok
    case (UInt8(ascii: "C"), .putting(let batches)):
      let count = batches.reduce(0) { $0 + $1.descriptors.count }
      guard body.elementsEqual(Self.bytes(of: count)) else {
        return .refuse("\(count) descriptors have come, another number is committed")
      }
      held = batches
      conversation = .idle
      event = .committed
      return Self.ok
    case (UInt8(ascii: "K"), .fetching(let next)):
      guard next < held.count else { return .refuse("everything has been sent") }
      conversation = next + 1 < held.count ? .fetching(next: next + 1) : .confirming
      return .send([UInt8(ascii: "B")] + held[next].names, held[next].descriptors)
    case (UInt8(ascii: "D"), .fetching), (UInt8(ascii: "D"), .confirming):
      empty()
      conversation = .idle
      event = .confirmed
      return Self.ok
    default: return .refuse("this packet does not belong here")
    }
  }

  private static let ok = Answer.send([UInt8(ascii: "K")], [])

  private static func bytes(of count: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: UInt32(clamping: count) >> (8 * $0)) }
  }
}
