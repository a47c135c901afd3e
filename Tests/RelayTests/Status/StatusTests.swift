/// The `status` and `health` commands: the report's two forms, all kinds of replies, and the errors
/// without a reply.
import Foundation
import Testing

@testable import ControlCommands
@testable import Status

/// A Unix socket that listens and answers each connection with fixed bytes. Without bytes it never
/// accepts.
final class CannedServer: Sendable {
  let path: String
  private let listener: Int32

  init(reply: [UInt8]?) throws {
    path = NSTemporaryDirectory() + "canned-\(UUID().uuidString.prefix(8)).sock"
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(bound == 0 && listen(listener, 8) == 0)
    guard let reply else { return }  // Then the descriptor goes with the process.
    let descriptor = listener
    Thread.detachNewThread {
      while true {
        let peer = accept(descriptor, nil, nil)
        guard peer >= 0 else { break }
        var request = [UInt8](repeating: 0, count: 4096)
        _ = recv(peer, &request, request.count, 0)
        _ = send(peer, reply, reply.count, Int32(MSG_NOSIGNAL))
        close(peer)
      }
      // Closes it only after the loop. Otherwise accept could use the number after another file got
      // it.
      close(descriptor)
    }
  }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    unlink(path)
  }

  var endpoint: StatusClient.Endpoint { .unix(path: path) }
}

@Suite("The status commands")
struct StatusTests {
  static let json = """
    {"network": "mainnet", "uptime_seconds": 93784.5, "server_status": "running",
    "max_peers": 10000,
     "stats": {"total_peers": 25, "connected_peers": 25, "passive_peers": 2, "active_peers": 23,
      "neutrino_compat_peers": 1, "peerlist_features_peers": 2, "push_encrypted_peers": 0},
     "rate_limiter": {"tracked_peers": 3, "total_violations": 9, "top_violators": [["12", 7],
     ["3", 2]]},
     "offers": {"total_offers": 4, "peers_with_offers": 2,
     "peers_many_offers": [["J5aaaaaaaaaaaaaa", 3]]},
     "connected_peers": {"total": 25, "nicks": ["J5aaaaaaaaaaaaaa", "J5bbbbbbbbbbbbbb",
     "J5cccccccccccccc"]},
     "passive_peers": {"total": 2, "nicks": ["J5bbbbbbbbbbbbbb", "x\\u001b[2J"]},
     "active_peers": {"total": 23, "nicks": []}, "active_connections": 26}
    """

  func read(_ body: [UInt8]) -> StatusReport? {
    try? JSONDecoder().decode(StatusReport.self, from: Data(body))
  }

  func reply(_ body: String, status: String = "200 OK") -> [UInt8] {
    Array("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
  }

  @Test("a report reads as lines, with the first nicks of each list and how many more there are")
  func lines() throws {
    let report = try #require(read(Array(Self.json.utf8)))
    #expect(
      report.lines(firstNicks: 2) == [
        "network: mainnet", "uptime: 1d 2h 3m 4s", "status: running",
        "connected: 25/10000 (J5aaaaaaaaaaaaaa, J5bbbbbbbbbbbbbb ... and 23 more)",
        "passive: 2 (J5bbbbbbbbbbbbbb, x\\u001b[2J)",
        "active: 23",
        "active connections: 26", "offers: 4 from 2 peers", "many offers: J5aaaaaaaaaaaaaa (3)",
        "rate limiting: 9 frames dropped, 3 peers tracked", "most dropped: 12 (7), 3 (2)",
      ])
  }

  @Test("a report is written with the keys with which it is read")
  func roundTrip() throws {
    let report = try #require(read(Array(Self.json.utf8)))
    let again = try JSONEncoder().encode(report)
    #expect(read(Array(again)) == report)
    let keys = try #require(try JSONSerialization.jsonObject(with: again) as? [String: Any]).keys
    let given = try #require(
      try JSONSerialization.jsonObject(with: Data(Self.json.utf8)) as? [String: Any]
    ).keys
    #expect(Set(keys) == Set(given))
  }

  @Test("health is 0 and a word for 200, 1 and the reason for 503")
  func health() throws {
    let well = try CannedServer(reply: reply(#"{"status": "healthy"}"#))
    #expect(
      StatusCommands.health(at: well.endpoint, timeout: .seconds(5), json: false)
        == .init(out: ["healthy"], code: 0))
    #expect(
      StatusCommands.health(at: well.endpoint, timeout: .seconds(5), json: true)
        == .init(out: [#"{"status": "healthy"}"#], code: 0))
    let ill = try CannedServer(
      reply: reply(#"{"status": "unhealthy"}"#, status: "503 Service Unavailable"))
    let outcome = StatusCommands.health(at: ill.endpoint, timeout: .seconds(5), json: false)
    #expect(outcome.code == 1)
    #expect(outcome.error.first?.contains(#"503 {"status": "unhealthy"}"#) == true)
  }

  @Test("status prints the report, or a single line if there is none")
  func status() throws {
    let server = try CannedServer(reply: reply(Self.json))
    let outcome = StatusCommands.status(
      at: server.endpoint, timeout: .seconds(5), json: false)
    #expect(outcome.code == 0 && outcome.out.first == "network: mainnet")
    let other = try CannedServer(reply: reply("hello"))
    let none = StatusCommands.status(
      at: other.endpoint, timeout: .seconds(5), json: false)
    #expect(none.code == 1 && none.out.isEmpty && none.error.count == 1)
  }

  @Test(
    "a relay that never answers causes a timeout, a missing one an error, both with advice")
  func unreachable() throws {
    let silent = try CannedServer(reply: nil)
    let started = ContinuousClock.now
    let stalled = StatusCommands.health(
      at: silent.endpoint, timeout: .milliseconds(50), json: false)
    #expect(ContinuousClock.now - started < .seconds(5))
    #expect(stalled.code == 1 && stalled.error.first?.contains("does not answer in time") == true)
    let missing = StatusCommands.health(
      at: .unix(path: "/nonexistent/s"), timeout: .seconds(1), json: false)
    #expect(
      missing.code == 1 && missing.error.first?.contains("is the relay running there?") == true)
  }

  @Test(
    "replies that are not complete HTTP are refused",
    arguments: [
      ("", StatusClient.Failure.notHTTP), ("SSH-2.0-x\r\n", .notHTTP),
      ("220 x y\r\n\r\n", .notHTTP), ("HTTP/1.1 abc\r\n\r\n", .notHTTP),
      ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", .cutShort),
      ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", .notHTTP),
    ])
  func broken(_ text: String, _ expected: StatusClient.Failure) {
    #expect(throws: expected) { try StatusClient.response(from: Array(text.utf8)) }
  }

  @Test("a body ends at its length, or at the end of the connection")
  func bodies() throws {
    let short = "HTTP/1.0 200 OK\r\ncontent-LENGTH:  2\r\n\r\nabc"
    #expect(try StatusClient.response(from: Array(short.utf8)).body == Array("ab".utf8))
    let open = "HTTP/1.0 404 Not Found\r\n\r\na\r\n\r\nb"
    #expect(
      try StatusClient.response(from: Array(open.utf8))
        == .init(status: 404, body: Array("a\r\n\r\nb".utf8)))
  }
}
