/// A small HTTP client for the relay's status server, for `health` and `status`. It blocks for its
/// timeout at most and limits the size of a reply. It sends one HTTP/1.0 request on each
/// connection, so the reply ends with the connection.

import EventLoop
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

package struct StatusClient: Sendable {
  package typealias Endpoint = SocketAddress

  package struct Response: Sendable, Equatable {
    package var status: Int
    package var body: [UInt8]
  }

  package enum Failure: Error, Sendable, Equatable {
    case unknownHost
    case badPath
    case notConnected(errno: Int32)
    case lost(errno: Int32)
    case timedOut
    case tooLarge
    case notHTTP
    /// The reply has fewer bytes than it announced.
    case cutShort

    init(_ failure: ClientSocket.Failure) {
      self =
        switch failure {
        case .unknownHost: .unknownHost
        case .badPath: .badPath
        case .notConnected(let code): .notConnected(errno: code)
        case .lost(let code): .lost(errno: code)
        case .timedOut: .timedOut
        case .tooLarge: .tooLarge
        }
    }
  }

  let endpoint: Endpoint
  let timeout: Duration

  /// The largest reply, in bytes. A report of 100,000 nicks has 5.5 MB.
  static let largestReply = 32 << 20

  /// - Parameter timeout: for the connection, the request and the whole reply together.
  package init(endpoint: Endpoint, timeout: Duration = .seconds(5)) {
    self.endpoint = endpoint
    self.timeout = timeout
  }

  package func get(_ path: String) throws(Failure) -> Response {
    let deadline = ClientSocket.Deadline(after: timeout)
    // A Unix socket has no host name.
    let host = if case .unix = endpoint { "localhost" } else { endpoint.description }
    let request = "GET \(path) HTTP/1.0\r\nHost: \(host)\r\nConnection: close\r\n\r\n"
    let reply: [UInt8]
    do throws(ClientSocket.Failure) {
      let socket = try ClientSocket(to: endpoint, before: deadline)
      try socket.send(Array(request.utf8), before: deadline)
      reply = try socket.readToEnd(limit: Self.largestReply, before: deadline)
    } catch {
      throw Failure(error)
    }
    return try Self.response(from: reply)
  }

  static func response(from bytes: [UInt8]) throws(Failure) -> Response {
    let end = Array("\r\n\r\n".utf8)
    let starts = bytes.indices.dropLast(3).prefix(65536)
    guard let split = starts.first(where: { bytes[$0] == end[0] && bytes[$0...].starts(with: end) })
    else { throw .notHTTP }
    let head = String(decoding: bytes[..<split], as: UTF8.self)
    let lines = head.split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
      throw .notHTTP
    }
    var body = Array(bytes[(split + 4)...])
    for line in lines.dropFirst() where line.lowercased().hasPrefix("content-length:") {
      let digits = line.drop { $0 != ":" }.dropFirst().drop { $0 == " " }
      guard let length = Int(digits), length >= 0 else { throw .notHTTP }
      guard body.count >= length else { throw .cutShort }
      body.removeLast(body.count - length)
    }
    return Response(status: status, body: body)
  }
}

extension StatusClient.Failure {
  /// What happened and what to do.
  package func description(at endpoint: StatusClient.Endpoint) -> String {
    let next = "; is the relay running there? See HEALTH_CHECK_HOST and HEALTH_CHECK_PORT"
    return switch self {
    case .unknownHost: "no address for \(endpoint.description.escapedForOneLine)" + next
    case .badPath: "\(endpoint) is too long for a socket path"
    case .notConnected(let code):
      "nothing answers at \(endpoint) (\(Errno(code)))" + next
    case .lost(let code):
      "\(endpoint) broke off (\(Errno(code))); see the relay's log"
    case .timedOut: "\(endpoint) does not answer in time; the relay may be stalled, see its log"
    case .tooLarge:
      "\(endpoint) answers more than \(StatusClient.largestReply >> 20) MiB; is it the relay?"
    case .notHTTP: "\(endpoint) does not speak HTTP; is it the relay's status port?"
    case .cutShort: "\(endpoint) ended its answer early; see the relay's log"
    }
  }
}
