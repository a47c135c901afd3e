// A minimal HTTP client for the status port: sends one request and reads until the relay closes.

import Glibc

enum HTTP {
  struct Response {
    let status: Int
    let headers: String
    let body: String
  }

  static func get(_ path: String, port: UInt16, headers: [String] = ["Host: localhost"]) throws
    -> Response
  {
    try request("GET", path, port: port, headers: headers)
  }

  static func request(
    _ method: String, _ path: String, port: UInt16, headers: [String] = ["Host: localhost"]
  ) throws -> Response {
    let socket = try TestSocket(.tcp(port))
    let line = "\(method) \(path) HTTP/1.0"
    try socket.send(
      Array(([line] + headers + ["", ""]).joined(separator: "\r\n").utf8), until: 10)
    var bytes: [UInt8] = []
    while let more = try socket.receive(within: 10) { bytes += more }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let end = text.firstRange(of: "\r\n\r\n") else { throw TestFailure("no answer: \(text)") }
    let headers = String(text[..<end.lowerBound])
    guard let status = headers.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      throw TestFailure("no status: \(headers)")
    }
    return Response(status: status, headers: headers, body: String(text[end.upperBound...]))
  }
}
