/// Why a frame was dropped while its sender stays connected. The raw value is the name in metrics.
package enum DropReason: String, CaseIterable, Sendable {
  /// `MESSAGE_RATE_LIMIT`
  case rate
  case publicRate = "public_rate"
  case orderbookRate = "orderbook_rate"
  case peerlistRate = "peerlist_rate"
  case listUnderWay = "list_under_way"
  /// `PUBLIC_BYTES_LIMIT`
  case publicBytes = "public_bytes"
  /// A budget of its circuit is used up.
  case circuitRate = "circuit_rate"
  /// The same `!orderbook` of this peer is already queued.
  case waitingAlready = "waiting_already"
  /// The first field is not the sender's own nick.
  case forgedSender = "forged_sender"
  /// No `<from>!<to>!<command>`.
  case malformedLine = "malformed_line"
  case unknownRecipient = "unknown_recipient"
  /// An answer to the relay's own probe.
  case toRelay = "to_relay"
  /// Over 40,000 bytes, to a client that closes its connection on so long a line.
  case tooLongForClient = "too_long_for_client"
  /// Over the line limit once in canonical form.
  case tooLongCanonical = "too_long_canonical"
  /// The queue of delayed public frames (`FANOUT_RATE_LIMIT`) is full.
  case fanoutQueue = "fanout_queue"
  case ignoredType = "ignored_type"
  case unknownType = "unknown_type"
}
