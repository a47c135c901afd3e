/// clientserver's makers, taker and watcher as they were recorded
/// (Tests/ProductTests/Data/cs-network.jsonl), replayed over eight hours of simulated time. Checks
/// which peers stay connected, and which takers the makers believe to be connected (protocol.md §6
/// and §7).
import Foundation
import Testing

@testable import Directory
@testable import Units

@Suite("Recorded clientserver peers")
struct RecordedPeersTests {
  /// The numbers of the connections in the recording.
  private static let makers = [1, 2, 3]
  private static let taker = 4
  private static let watcher = 5

  private struct Event: Decodable {
    let conn: Int
    let way: String
    let bytes: String?
  }

  /// One recorded peer. It sends its recorded lines, and answers as in the recording.
  private final class Peer {
    let lines: [String]
    let nick: String
    var id: PeerID?
    /// The nicks that it believes to be connected: the senders of its lines, without those of `D`
    /// entries.
    private(set) var believed: Set<String> = []
    /// The frames that it has read.
    private(set) var received: [String] = []

    init(_ number: Int, _ events: [Event]) throws {
      lines = events.filter { $0.conn == number && $0.way == "peer" }
        .flatMap { ($0.bytes ?? "").split(separator: "\r\n").map(String.init) }
      let hello = try #require(lines.first)
      let name = try #require(hello.firstRange(of: #"\"nick\": \""#))
      nick = String(hello[name.upperBound...].prefix(16))
    }

    func join(_ harness: DirectoryHarness, _ count: Int = .max) {
      id = harness.connect()
      for line in lines.prefix(count) { send(line, harness) }
    }

    func send(_ line: String, _ harness: DirectoryHarness) {
      if let id { harness.receive(line, from: id) }
    }

    /// Reads new frames and answers them as in the recording.
    func read(_ harness: DirectoryHarness, taker: String) {
      guard let id else { return }
      for frame in harness.read(id) {
        received.append(frame)
        let line = frame.dropFirst(#"{"type": 687, "line": ""#.count).dropLast(2)
        let sender = String(line.prefix { $0 != "!" })
        if frame.hasPrefix(#"{"type": 798,"#) {
          send(#"{"type": 799, "line": ""}"#, harness)
        } else if frame.hasPrefix(#"{"type": 789,"#) {
          let fields = line.split(separator: ";")
          if fields.count == 3, fields[2] == "D" { believed.remove(String(fields[0])) }
        } else if frame.hasPrefix(#"{"type": 687,"#) || frame.hasPrefix(#"{"type": 685,"#) {
          believed.insert(sender)
          guard line.hasSuffix("!PUBLIC!orderbook") else { continue }
          let offers = lines.filter { $0.contains("\(nick)!\(taker)!sw0") }
          for offer in offers { send(offer.replacing(taker, with: sender), harness) }
        }
      }
    }
  }

  @Test("for eight hours makers and the watcher stay, and makers forget each taker that has left")
  func eightHours() throws {
    let file = URL(filePath: #filePath)
      .appending(path: "../../../ProductTests/Data/cs-network.jsonl").standardized
    let events = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      .map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
    let harness = DirectoryHarness()
    let makers = try Self.makers.map { try Peer($0, events) }
    let taker = try Peer(Self.taker, events)
    let watcher = try Peer(Self.watcher, events)
    func pass(_ time: Duration) {
      let end = harness.now + time
      while harness.now < end {
        harness.wait(.seconds(5))
        for peer in makers + [watcher] { peer.read(harness, taker: taker.nick) }
      }
    }
    // A handshake and two offers.
    for maker in makers { maker.join(harness, 3) }
    watcher.join(harness)
    pass(.seconds(5))
    for hour in 1...8 {
      taker.join(harness, 1)
      for line in taker.lines.dropFirst() {
        pass(.seconds(5))
        taker.send(line, harness)
      }
      pass(.seconds(5))
      taker.read(harness, taker: taker.nick)
      let answers = taker.received.filter { $0.contains("!\(taker.nick)!sw0") }
      // All three makers answer in each connection.
      #expect(Set(answers).count >= 3 && answers.count >= 3 * hour)
      #expect(makers.allSatisfy { $0.believed.contains(taker.nick) })
      harness.leave(try #require(taker.id))
      pass(.seconds(3_600))
      #expect(makers.allSatisfy { !$0.believed.contains(taker.nick) }, "hour \(hour)")
      let told = watcher.received.filter { $0.contains("\(taker.nick);NOT-SERVING-ONION;D") }
      #expect(told.count == hour)
      #expect(harness.directory.registry.evictableCount == 1, "the watcher, and nobody else")
    }
    let watching = try #require(watcher.id)
    for peer in makers + [watcher] { #expect(harness.isHere(try #require(peer.id))) }
    #expect(Set(harness.endings.values) == [.peerClosed] && harness.closed.count == 8)
    // Makers were probed, the watcher was not.
    #expect(
      makers.allSatisfy {
        $0.received.contains { $0.contains(DirectoryHarness.relayNick) }
          || $0.received.contains { $0.hasPrefix(#"{"type": 798,"#) }
      })
    #expect(!watcher.received.dropFirst().contains { $0.contains(DirectoryHarness.relayNick) })
    #expect(!watcher.received.contains { $0.hasPrefix(#"{"type": 798,"#) })
    // A new connection of the watcher gets its nick at once.
    let again = try Peer(Self.watcher, events)
    again.join(harness)
    #expect(harness.endings[watching] == .displaced)
    #expect(harness.nick(try #require(again.id)) == watcher.nick)
  }
}
