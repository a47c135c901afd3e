import Foundation
import Glibc
import Testing

/// Answers each request at its port with the next of these byte strings, in rotation, and closes
/// the connection.
private final class FixedAnswers: Sendable {
  var port: UInt16 { listening.port }
  private let listening: ListeningSocket

  init(_ answers: [String]) throws {
    listening = try ListeningSocket()
    Thread.detachNewThread { [listening] in
      var number = 0
      while true {
        let client = accept(listening.descriptor, nil, nil)
        guard client >= 0 else { return }
        var request = [UInt8](repeating: 0, count: 4096)
        _ = recv(client, &request, request.count, 0)
        let answer = Array(answers[number % answers.count].utf8)
        number += 1
        _ = send(client, answer, answer.count, Int32(MSG_NOSIGNAL))
        shutdown(client, Int32(SHUT_WR))
        while recv(client, &request, request.count, 0) > 0 {}
        close(client)
      }
    }
  }

  /// Ends the thread: a listening socket that is shut down accepts no more.
  deinit { shutdown(listening.descriptor, Int32(SHUT_RDWR)) }
}

extension ProductTests {
  @Suite("Status commands, whatever an endpoint answers")
  struct HostileEndpointTests {
    private static func ok(_ body: String) -> String { "HTTP/1.0 200 OK\r\n\r\n\(body)" }

    /// A summary that `top` accepts, except for one number.
    private static func summary(_ name: String, _ value: String) -> String {
      let counts = [
        "startTime", "uptime", "activePeers", "passivePeers", "verifiedPeers", "maxPeers",
        "pending", "offers", "peersWithOffers", "deliveries", "framesReceived", "framesSent",
        "bytesReceived", "bytesSent", "connectionsOpened", "peerlists", "backlog",
        "largestBacklog", "laggingPeers", "lagP99", "worstLag", "cpuSeconds", "memory", "evictable",
        "stateSince", "quietPeers", "circuits", "maxPending", "maxBacklog", "slowReaders",
        "descriptors", "maxDescriptors",
      ].map { "\"\($0)\": \($0 == name || name == "*" && $0 != "startTime" ? value : "1")" }
      let word = name == "word" ? value : "x"
      let lists = ["closed", "limits", "dropped", "rejected"].map {
        "\"\($0)\": [{\"name\": \"\(word)\", \"count\": \(name == "count" ? value : "1")}]"
      }
      return "{\"version\": \"\(word)\", \"network\": \"\(word)\", \"healthy\": true, "
        + "\"full\": false, \"faults\": [\"\(word)\"], \"limiting\": [\"\(word)\"], "
        + (counts + lists).joined(separator: ", ") + "}"
    }

    private static let numbers = [
      "9223372036854775807", "-9223372036854775808", "18446744073709551616", "1e400", "-1e308",
      "1e308", "1.5", "null", "\"1\"", "[]", "-1", "NaN", "1e18",
    ]

    private static let answers: [String] = {
      let summaries = numbers.flatMap { number in
        ["*", "uptime", "count"].map { summary($0, number) }
      }
      let words = ["\\u001b[2J\\u0000", String(repeating: "y", count: 100_000), ""]
      let whole = ok(summary("", ""))
      return summaries.map(ok) + words.map { ok(summary("word", $0)) }
        + stride(from: 0, to: whole.count, by: 211).map { String(whole.prefix($0)) }
        + [
          "", "\r\n\r\n", "HTTP/1.0\r\n\r\n", "HTTP/1.0 99999999999999999999 x\r\n\r\n",
          "HTTP/1.0 -1 x\r\n\r\n{}", "HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n{}",
          "HTTP/1.0 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n{}",
          "HTTP/1.0 200 OK\r\nContent-Length:\r\n\r\n{}", "HTTP/1.0 200 OK\r\n:\r\n\r\n{}",
          ok(String(repeating: "[", count: 200_000)), ok("{}"), ok("[]"), ok("null"), ok("\u{0}"),
          ok("a 1e999\nb{c=\"\"\"} 2\n \nx NaN\n"),
          "HTTP/1.0 503 x\r\n\r\n\u{1b}[2J",
        ]
    }()

    @Test("No command traps or prints an escape sequence")
    func answering() throws {
      // The replacements for all numbers of a report.
      let relay = try RelayProcess()
      let status = try HTTP.get("/status", port: relay.statusPort ?? 0).body
      let reports = ["9223372036854775807", "-9223372036854775808", "1e300", "1.5", "\"\""].map {
        number in
        Self.ok(
          status.replacing(#/: \d+/#, with: ": \(number)")
            .replacing("\"network\": \"regtest\"", with: "\"network\": \"\\u001b[2J\""))
      }
      for answer in Self.answers + reports {
        try ask(
          FixedAnswers([answer]),
          [["top", "--count", "1"], ["status"], ["health", "--json"], ["metrics", "--json"]])
      }
    }

    @Test("top does not trap when numbers jump between two answers")
    func leaping() throws {
      for number in Self.numbers.prefix(7) + ["-1"] {
        let answers = [Self.summary("", ""), Self.summary("*", number)].map(Self.ok)
        try ask(FixedAnswers(answers), [["top", "--count", "2"]])
      }
    }

    @Test("metrics prints no character that controls a terminal")
    func metrics() throws {
      let endpoint = try FixedAnswers([Self.ok("a{b=\"\u{1b}[2J\u{0}\u{7f}\u{9b}31m\"} 1\n")])
      try ask(endpoint, [["metrics"], ["metrics", "--json"]])
      let target = ["--host", "127.0.0.1", "--port", "\(endpoint.port)"]
      #expect(try Product.control.run(["metrics"] + target).out == "a{b=\"[2J31m\"} 1\n")
      let json = try Product.control.run(["metrics", "--json"] + target).out
      let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Int]
      #expect(object == ["a{b=\"[2J31m\"}": 1])
    }

    private func ask(_ endpoint: FixedAnswers, _ commands: [[String]]) throws {
      for command in commands {
        let outcome = try Product.control.run(
          command + ["--host", "127.0.0.1", "--port", "\(endpoint.port)", "--timeout", "10"])
        #expect([0, 1].contains(outcome.status), "\(command): \(outcome.error.prefix(300))")
        #expect(!(outcome.out + outcome.error).contains("\u{1b}"), "\(command)")
      }
    }
  }
}
