/// The operator's HTTP server: its answers, and the clients that it closes.
import Glibc
import Testing

@testable import Directory
@testable import EventLoop
@testable import Units

@Suite("HTTP", .serialized)
struct HTTPServerTests {
  let loop: EventLoop
  let server: HTTPServer
  let asked = Asked()

  final class Asked {
    var requests: [HTTPRequest] = []
    var parts = 0
  }

  init() throws {
    loop = try EventLoop()
    var limits = HTTPServer.Limits()
    limits.requestTime = .milliseconds(400)
    limits.replyTime = .milliseconds(800)
    server = try HTTPServer(
      on: loop, address: .tcp(host: "127.0.0.1", port: 0), limits: limits
    ) { [asked] request in
      asked.requests.append(request)
      return Self.answer(request, asked)
    }
  }

  private static func answer(_ request: HTTPRequest, _ asked: Asked) -> HTTPReply {
    let text = "text/plain"
    switch request.path {
    case "/whole":
      return HTTPReply(status: 200, contentType: text, body: .whole(Array("all of it".utf8)))
    case "/parts", "/endless":
      var left = request.path == "/parts" ? 5 : Int.max
      return HTTPReply(
        status: 200, contentType: text,
        body: .parts(next: {
          left -= 1
          asked.parts += 1
          // One part is empty, which must not end the reply.
          return left < 0 ? nil : left == 2 ? [] : [UInt8](repeating: 97, count: 1_000)
        }))
    default: return HTTPReply(status: 404, contentType: text, body: .whole([]))
    }
  }

  /// Sends a request and reads until the server closes.
  private func ask(_ request: String) throws -> String {
    let socket = try #require(TestSocket.connected(to: server.address))
    socket.write(request)
    return try #require(answer(at: socket))
  }

  private func answer(at socket: TestSocket) -> String? {
    var bytes: [UInt8] = []
    let isDone = loop.turns(until: {
      bytes += socket.read()
      return socket.isAtEnd
    })
    return isDone ? String(decoding: bytes, as: UTF8.self) : nil
  }

  private func get(_ path: String, _ method: String = "GET", _ headers: String = "") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n"
  }

  @Test("GET gets the whole body with its length, and the connection closes")
  func whole() throws {
    let reply = try ask(get("/whole", "GET", "Accept: text/html\r\n"))
    #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("\r\n\r\nall of it"))
    #expect(reply.contains("Content-Length: 9\r\n") && reply.contains("Connection: close\r\n"))
    #expect(asked.requests.first?.method == .get)
    #expect(asked.requests.first?.accept == "text/html" && server.answered == [200: 1])
  }

  @Test("HEAD has the head and no body", arguments: ["/whole", "/parts"])
  func head(_ path: String) throws {
    let reply = try ask(get(path, "HEAD"))
    #expect(reply.hasPrefix("HTTP/1.1 200 ") && reply.hasSuffix("\r\n\r\n"))
    #expect(asked.requests.first?.method == .head && asked.parts == 0)
  }

  @Test("the handler gets the path unchanged, and the query separately")
  func paths() throws {
    #expect(try ask(get("/wh%6fle?a=b")).hasPrefix("HTTP/1.1 404 "))
    #expect(asked.requests.first?.path == "/wh%6fle" && asked.requests.first?.query == "a=b")
  }

  @Test(
    "every other method reaches the handler as .other",
    arguments: ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
  func methods(_ method: String) throws {
    let length = method == "POST" || method == "PUT" ? "Content-Length: 0\r\n" : ""
    #expect(try ask(get("/none", method, length)).hasPrefix("HTTP/1.1 404 "))
    #expect(asked.requests.map(\.method) == [.other])
  }

  @Test("a reply in parts arrives whole, chunked for 1.1 and plain for 1.0")
  func parts() throws {
    let reply = try ask(get("/parts"))
    #expect(reply.contains("Transfer-Encoding: chunked\r\n"))
    #expect(reply.hasSuffix("0\r\n\r\n") && reply.count(where: { $0 == "a" }) >= 4_000)
    let plain = try ask("GET /parts HTTP/1.0\r\n\r\n")
    #expect(plain.hasSuffix("\r\n\r\n" + String(repeating: "a", count: 4_000)))
  }

  @Test("a client that disconnects during a reply is removed, and the reply with it")
  func leaves() throws {
    for _ in 0..<3 {
      let socket = try #require(TestSocket.connected(to: server.address))
      socket.write(get("/endless"))
      #expect(loop.turns(until: { socket.read(10_000).count > 0 }))
      socket.reset()
      #expect(loop.turns(until: { server.connectionCount == 0 }))
    }
    let parts = asked.parts
    for _ in 0..<20 { loop.turn() }
    #expect(asked.parts == parts)
  }

  @Test("a client that stops reading its reply is closed")
  func stopsReading() throws {
    let socket = try #require(TestSocket.connected(to: server.address))
    socket.write(get("/endless"))
    #expect(loop.turns(until: { !asked.requests.isEmpty }))
    #expect(loop.turns(until: { server.connectionCount == 0 }))
    let parts = asked.parts
    for _ in 0..<20 { loop.turn() }
    #expect(asked.parts == parts)
  }

  @Test("a client that keeps sending while it does not read its reply is closed for that alone")
  func sendsOn() throws {
    var limits = HTTPServer.Limits()
    limits.requestTime = .seconds(60)
    limits.replyTime = .seconds(60)
    let patient = try HTTPServer(
      on: loop, address: .tcp(host: "127.0.0.1", port: 0), limits: limits
    ) { [asked] request in
      asked.requests.append(request)
      return Self.answer(request, asked)
    }
    let socket = try #require(TestSocket.connected(to: patient.address))
    socket.write(get("/endless"))
    #expect(loop.turns(until: { !asked.requests.isEmpty }))
    let more = String(repeating: "x", count: 4_000)
    #expect(
      loop.turns(until: {
        socket.write(more)
        return patient.connectionCount == 0
      }))
  }

  @Test("a connection that repeats requests after a CONNECT has the time of one request")
  func again() throws {
    let socket = try #require(TestSocket.connected(to: server.address))
    var next = loop.now
    #expect(
      loop.turns(until: {
        if loop.now >= next {
          next = loop.now + .milliseconds(50)
          socket.write("CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n")
        }
        _ = socket.read()
        return asked.requests.count > 1 && server.connectionCount == 0
      }))
  }

  @Test("headers past 16 KiB are refused before the handler, those below are served")
  func largeHeaders() throws {
    let fits = get("/whole", "GET", "X: " + String(repeating: "y", count: 16_000) + "\r\n")
    #expect(try ask(fits).hasPrefix("HTTP/1.1 200 "))
    let large = get("/whole", "GET", "X: " + String(repeating: "y", count: 16_500) + "\r\n")
    #expect(try ask(large).hasPrefix("HTTP/1.1 200 ") == false)
    let many = get("/whole", "GET", (0..<4_000).map { "A\($0): b\r\n" }.joined())
    #expect(try ask(many).hasPrefix("HTTP/1.1 200 ") == false)
    let line = "GET /" + String(repeating: "z", count: 17_000) + " HTTP/1.1\r\n\r\n"
    #expect(try ask(line).hasPrefix("HTTP/1.1 200 ") == false)
    #expect(asked.requests.count == 1)
  }

  @Test("a body is refused before the handler")
  func body() throws {
    let reply = try ask(get("/whole", "POST", "Content-Length: 5\r\n") + "hello")
    #expect(!reply.hasPrefix("HTTP/1.1 200 ") && asked.requests.isEmpty)
  }

  @Test(
    "input that is not HTTP closes the connection",
    arguments: ["hello\r\n\r\n", "\r\n\r\n\r\n", "\0\0\0\n\n"])
  func nonsense(_ text: String) throws {
    let socket = try #require(TestSocket.connected(to: server.address))
    socket.write(text)
    #expect(answer(at: socket) != nil)
    #expect(asked.requests.isEmpty)
  }

  @Test("a client that sends byte by byte is closed when the request's time is over")
  func dripping() throws {
    let socket = try #require(TestSocket.connected(to: server.address))
    let start = loop.now
    var next = start
    let rest = Array(get("/whole", "GET", "X: " + String(repeating: "y", count: 500)).utf8)
    var sent = 0
    let isCut = loop.turns(until: {
      if loop.now >= next, sent < rest.count {
        next = loop.now + .milliseconds(10)
        socket.write([rest[sent]])
        sent += 1
      }
      _ = socket.read()
      return socket.isAtEnd || server.connectionCount == 0 && sent > 5
    })
    #expect(isCut && asked.requests.isEmpty)
    #expect(loop.now - start >= .milliseconds(400) && loop.now - start < .seconds(3))
  }

  @Test("when all places are taken the oldest idle client is closed, and an honest one is served")
  func crowded() throws {
    var idle: [TestSocket] = []
    for count in 1...8 {
      idle.append(try #require(TestSocket.connected(to: server.address)))
      #expect(loop.turns(until: { server.connectionCount == count }))
    }
    let reply = try ask(get("/whole"))
    #expect(reply.hasSuffix("all of it"))
    #expect(idle[0].isAtEnd && !idle[1].isAtEnd && !idle[7].isAtEnd)
    #expect(server.connectionCount <= 8)
  }

  @Test("a hundred idle clients do not block an honest one")
  func flood() throws {
    var idle: [TestSocket] = []
    for _ in 0..<100 { idle.append(try #require(TestSocket.connected(to: server.address))) }
    #expect(try ask(get("/whole")).hasSuffix("all of it"))
    #expect(server.connectionCount <= 8)
    #expect(loop.turns(until: { server.connectionCount == 0 }))
    withExtendedLifetime(idle) {}
  }
}
