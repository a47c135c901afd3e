import Testing

extension ProductTests {
  /// promises.md, "Never lose, never stall": `MAX_BACKLOG` is memory.
  @Suite("The memory of unread bytes")
  struct BacklogMemoryTests {
    struct Load: CustomTestStringConvertible {
      /// Peers that read nothing.
      let readers: Int
      let lineBytes: Int
      /// Whether a line goes to all of them, or one to each.
      let isPublic: Bool
      /// Bytes that all of them owe in the end, at least.
      let backlog: Int
      /// Lines, or rounds of lines, between two looks at the backlog. The kernel takes the first
      /// ones whole.
      let batch: Int

      var testDescription: String {
        "\(isPublic ? "public" : "private") lines of \(lineBytes) bytes to \(readers) peers"
      }
    }

    @Test(
      "The process grows by the backlog that it shows, within a tenth",
      arguments: [
        // So little for each that the pieces in which it is held count.
        Load(readers: 1_000, lineBytes: 100, isPublic: true, backlog: 9 << 20, batch: 50),
        Load(readers: 40, lineBytes: 1_000, isPublic: false, backlog: 24 << 20, batch: 50),
        Load(readers: 8, lineBytes: 20_000, isPublic: false, backlog: 24 << 20, batch: 5),
      ])
    func growth(load: Load) throws {
      let directory = try TemporaryDirectory()
      let place = TestSocket.Address.unix(directory.path + "/relay")
      let relay = try RelayProcess(
        RelayProcess.unlimited.merging([
          "LISTEN_UNIX": directory.path + "/relay", "MAX_BACKLOG": "256MiB",
        ]) { $1 })
      let sender = try TestPeer(to: relay, .taker(1), at: place)
      let readers = try (0..<load.readers).map {
        try TestPeer(to: relay, .taker(100 + $0), at: place)
      }
      let receivers = load.isPublic ? ["PUBLIC"] : readers.map(\.nick)
      let round = receivers.map { line(from: sender.nick, to: $0, bytes: load.lineBytes) }.joined()
      let batch = Array(String(repeating: round, count: load.batch).utf8)
      let name = "jm_directory_backlog_bytes"

      // What the relay needs to send at all is there before the memory is looked at.
      try sender.send(batch)
      try sender.expectNothing()
      #expect(try relay.metric(name) == 0)
      let before = relay.heapBytes
      var backlog = 0.0
      while Int(backlog) < load.backlog / 2 {
        try sender.send(batch)
        try sender.expectNothing()
        backlog = try relay.metric(name)
      }
      // The last pieces are filled differently.
      for (number, reader) in readers.enumerated() {
        let bytes = 100 + number * 4_000 / readers.count
        try sender.send(line(from: sender.nick, to: reader.nick, bytes: bytes))
      }
      repeat {
        try sender.expectNothing()
        backlog = try relay.metric(name)
        if Int(backlog) < load.backlog { try sender.send(batch) }
      } while Int(backlog) < load.backlog
      let grown = Double(relay.heapBytes - before)
      print("\(load.testDescription): grown by \(grown), backlog \(backlog), \(grown / backlog)")
      #expect(abs(grown - backlog) <= backlog / 10)
      withExtendedLifetime(readers) {}
    }

    private func line(from sender: String, to receiver: String, bytes: Int) -> String {
      let type = receiver == "PUBLIC" ? 687 : 685
      let bare = Frames.frame(type, "\(sender)!\(receiver)!")
      let pad = String(repeating: "x", count: bytes - bare.utf8.count)
      return Frames.frame(type, "\(sender)!\(receiver)!\(pad)")
    }
  }
}
