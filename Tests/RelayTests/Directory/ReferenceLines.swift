/// What the plain directory does with the frames of its peers (protocol.md §2, §4, §5).

extension ReferenceDirectory {
  private mutating func take(_ bucket: Int, _ number: Int) -> Bool {
    peers[number]?.buckets[bucket].take(
      cost: rates[bucket].cost, burst: rates[bucket].burst, at: now) ?? false
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
    switch code {
    case 685: privately(line, number)
    case 687: publicly(line, number)
    case 791:
      if peers[number]?.listing != nil { return drop(.listUnderWay) }
      guard take(3, number) else { return drop(.peerlistRate) }
      let listed = peers.filter { $0.value.isListed && $0.key != number }.keys
      peers[number]?.listing = Listing(must: Set(listed))
    case 798: send(DirectoryHarness.pong, number, &heard)
    case 803, 805, 807: close(number, .malformed)
    case 793, 799, 789, 795, 797, 785, 787: drop(.ignoredType)
    default: drop(.unknownType)
    }
  }

  /// From, to and the rest, when all three are there.
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
    send(frame, to, &heard)
    if sender.servesOnion {
      send(DirectoryHarness.frame(789, sender.entry(for: receiver)), to, &heard)
    }
  }

  private mutating func publicly(_ line: String, _ number: Int) {
    guard let parts = fields(line), parts[1] == "PUBLIC" else { return drop(.malformedLine) }
    guard let sender = peers[number], parts[0] == sender.nick else { return drop(.forgedSender) }
    let commands = parts[2].split(separator: "!", omittingEmptySubsequences: false).map {
      $0.split(separator: " ").map(String.init)
    }
    if commands.contains(where: { $0.first == "orderbook" }) {
      guard take(2, number) else { return drop(.orderbookRate) }
    } else {
      guard take(1, number) else { return drop(.publicRate) }
    }
    for command in commands where command.count > 1 { track(command[0], command[1], number) }
    let frame = DirectoryHarness.frame(687, line)
    if fanOut.cost > 0 { return delay(frame, number) }
    tellAll(frame, from: number)
  }

  mutating func tellAll(_ frame: String, from number: Int) {
    for other in present where other != number && reads(frame, other) {
      send(frame, other, &heard)
    }
  }

  private mutating func track(_ name: String, _ id: String, _ number: Int) {
    let offers: Set = [
      "sw0reloffer", "sw0absoffer", "swreloffer", "swabsoffer", "reloffer", "absoffer", "relorder",
      "absorder",
    ]
    if offers.contains(name) {
      peers[number]?.announced = true
      mayBeListed(number)
      if peers[number]?.offers.count ?? 64 < 64 { peers[number]?.offers.insert(id) }
    } else if name == "cancel" {
      peers[number]?.offers.remove(id)
    }
  }
}
