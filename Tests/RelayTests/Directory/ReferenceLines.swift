/// The reference directory's handling of frames (protocol.md §2, §4, §5).
@testable import Directory

extension ReferenceDirectory {
  private mutating func take(_ bucket: Int, _ number: Int) -> Bool {
    peers[number]?.buckets[bucket].take(
      cost: rates[bucket].cost, burst: rates[bucket].burst, at: now) ?? false
  }

  private mutating func takeOfCircuit(_ kind: CircuitBudgets.Kind, _ number: Int, _ count: Int = 1)
    -> Bool
  {
    peers[number]?.circuit.map { takeOf($0, kind, count) } ?? true
  }

  mutating func speak(_ code: Int, _ line: String, _ number: Int) {
    guard take(0, number) else {
      drop(.rate)
      peers[number]?.violations += 1
      if maxViolations > 0, peers[number]?.violations ?? 0 >= maxViolations {
        close(number, .rate)
      }
      return
    }
    guard takeOfCircuit(.frames, number) else { return drop(.circuitRate) }
    switch code {
    case 685: privately(line, number)
    case 687: publicly(line, number)
    case 791:
      if peers[number]?.listing != nil { return drop(.listUnderWay) }
      guard take(3, number) else { return drop(.peerlistRate) }
      guard takeOfCircuit(.peerlists, number) else { return drop(.circuitRate) }
      let listed = peers.filter { $0.value.isListed && $0.key != number }.keys
      peers[number]?.listing = Listing(must: Set(listed))
    case 798: send(DirectoryHarness.pong, number, &received)
    case 803, 805, 807: close(number, .malformed)
    case 793, 799, 789, 795, 797, 785, 787: drop(.ignoredType)
    default: drop(.unknownType)
    }
  }

  /// Returns sender, receiver and the rest, or nothing unless all three exist.
  private func fields(_ line: String) -> [Substring]? {
    let parts = line.split(separator: "!", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count == 3 && !parts[2].isEmpty ? parts : nil
  }

  func reads(_ frame: String, _ number: Int) -> Bool {
    frame.utf8.count <= 40_000 || peers[number]?.features.isEmpty == false
  }

  private mutating func privately(_ line: String, _ number: Int) {
    guard let parts = fields(line) else { return drop(.malformedLine) }
    guard let sender = peers[number], parts[0] == sender.nick else { return drop(.forgedSender) }
    if parts[1] == DirectoryHarness.relayNick { return drop(.toRelay) }
    guard let to = holder(String(parts[1])), let receiver = peers[to] else {
      return drop(.unknownRecipient)
    }
    let frame = DirectoryHarness.frame(685, line)
    guard reads(frame, to) else { return drop(.tooLongForClient) }
    if to != number, !isStranger(number) { peers[to]?.isAddressed = true }
    peers[number]?.hasSpoken = true
    send(frame, to, &received)
    if sender.servesOnion {
      send(DirectoryHarness.frame(789, sender.entry(for: receiver)), to, &received)
    }
  }

  private mutating func publicly(_ line: String, _ number: Int) {
    guard let parts = fields(line), parts[1] == "PUBLIC" else { return drop(.malformedLine) }
    guard let sender = peers[number], parts[0] == sender.nick else { return drop(.forgedSender) }
    let commands = parts[2].split(separator: "!", omittingEmptySubsequences: false).map {
      $0.split(separator: " ").map(String.init)
    }
    let frame = DirectoryHarness.frame(687, line)
    let isRequest = commands.contains { $0.first == "orderbook" }
    if isRequest {
      guard take(2, number) else { return drop(.orderbookRate) }
    } else {
      guard take(1, number) else { return drop(.publicRate) }
    }
    let count = frame.utf8.count
    guard
      peers[number]?.publicBytes.take(
        count, cost: bytesRate.cost, burst: bytesRate.burst, at: now) == true
    else { return drop(.publicBytes) }
    guard takeOfCircuit(isRequest ? .orderbookRequests : .publicLines, number),
      takeOfCircuit(.publicBytes, number, count)
    else { return drop(.circuitRate) }
    peers[number]?.hasSpoken = true
    for command in commands where command.count > 1 { track(command[0], command[1], number) }
    passOn(frame, number, isRequest: isRequest)
  }

  private mutating func track(_ name: String, _ id: String, _ number: Int) {
    let isOffer =
      name.hasSuffix("reloffer") || name.hasSuffix("absoffer")
      || ["relorder", "absorder"].contains(name)
    if isOffer {
      peers[number]?.announced = true
      mayBeListed(number)
      if peers[number]?.offers.count ?? 64 < 64 { peers[number]?.offers.insert(id) }
    } else if name == "cancel" {
      peers[number]?.offers.remove(id)
    }
  }
}
