import CLibevent

/// A request, as far as the status endpoint needs it.
///
/// Safe: evhttp lends the request and its texts for the handler's call, and they are copied here.
package struct HTTPRequest {
  package enum Method: Equatable, Sendable {
    case get, head
    /// A method that the endpoint answers with 405.
    case other
  }

  package let method: Method
  /// The path as it was sent: no escapes resolved, no query.
  package let path: String
  /// The query after `?`, as it was sent.
  package let query: String?
  /// The `Accept` header.
  package let accept: String?
  /// Every host that the request names: in its `Host` headers, and in an absolute URI.
  package let hosts: [String]

  package init(_ raw: OpaquePointer) {
    method =
      switch unsafe evhttp_request_get_command(raw) {
      case EVHTTP_REQ_GET: .get
      case EVHTTP_REQ_HEAD: .head
      default: .other
      }
    let uri = unsafe evhttp_request_get_evhttp_uri(raw)
    path = unsafe evhttp_uri_get_path(uri).map { unsafe String(cString: $0) } ?? ""
    query = unsafe evhttp_uri_get_query(uri).map { unsafe String(cString: $0) }
    let headers = unsafe evhttp_request_get_input_headers(raw)
    accept = unsafe evhttp_find_header(headers, "Accept").map { unsafe String(cString: $0) }
    var hosts = unsafe evhttp_uri_get_host(uri).map { unsafe [String(cString: $0)] } ?? []
    while let host = unsafe evhttp_find_header(headers, "Host") {
      unsafe hosts.append(String(cString: host))
      unsafe evhttp_remove_header(headers, "Host")
    }
    self.hosts = hosts
  }
}

/// The reply. The connection closes after it.
///
/// Safe: evhttp copies the headers, and moves the bytes out of the buffer that is freed here.
package struct HTTPReply {
  package enum Body {
    case whole([UInt8])
    /// Parts of the body. Each is requested when the client has taken the last one, in a turn of
    /// its own; `nil` ends the reply.
    case parts(next: () -> [UInt8]?)
  }

  package struct Header: Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  package var status: Int
  package var contentType: String
  package var headers: [Header]
  package var body: Body

  package init(status: Int, contentType: String, headers: [Header] = [], body: Body) {
    self.status = status
    self.contentType = contentType
    self.headers = headers
    self.body = body
  }

  package func send(to raw: OpaquePointer, isHead: Bool) {
    let fields = unsafe evhttp_request_get_output_headers(raw)
    unsafe evhttp_add_header(fields, "Content-Type", contentType)
    unsafe evhttp_add_header(fields, "Connection", "close")
    for header in headers { unsafe evhttp_add_header(fields, header.name, header.value) }
    switch body {
    case .whole(let bytes):
      unsafe evhttp_add_header(fields, "Content-Length", String(bytes.count))
      let buffer = unsafe isHead ? nil : HTTPStream.buffer(bytes)
      unsafe evhttp_send_reply(raw, Int32(status), nil, buffer)
      if let buffer = unsafe buffer { unsafe evbuffer_free(buffer) }
    case .parts where isHead:
      unsafe evhttp_send_reply(raw, Int32(status), nil, nil)
    case .parts(let next):
      unsafe HTTPStream(raw, next: next).start(status: status)
    }
  }
}

/// A reply that is sent in parts. It retains itself until the last part was taken or the client is
/// gone.
///
/// Safe: evhttp keeps the request until `evhttp_send_reply_end` or the close callback, and calls
/// neither callback after them. The retained reference is given up in one of the two.
@safe
private final class HTTPStream {
  private let request: OpaquePointer
  private let next: () -> [UInt8]?

  init(_ request: OpaquePointer, next: @escaping () -> [UInt8]?) {
    unsafe self.request = request
    self.next = next
  }

  func start(status: Int) {
    let context = unsafe Unmanaged.passRetained(self).toOpaque()
    // Cleared at the end: the callback of a client that leaves would use freed memory otherwise.
    unsafe evhttp_connection_set_closecb(
      evhttp_request_get_connection(request),
      { _, context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<HTTPStream>.fromOpaque(context).takeRetainedValue().abandon()
      }, context)
    unsafe evhttp_send_reply_start(request, Int32(status), nil)
    unsafe sendPart(context)
  }

  private func sendPart(_ context: UnsafeMutableRawPointer) {
    var part = next()
    while let bytes = part, bytes.isEmpty { part = next() }  // an empty chunk would never call back
    guard let bytes = part else { return unsafe finish(context) }
    let buffer = unsafe Self.buffer(bytes)
    unsafe evhttp_send_reply_chunk_with_cb(
      request, buffer,
      { _, context in
        guard let context = unsafe context else { return }
        unsafe Unmanaged<HTTPStream>.fromOpaque(context).takeUnretainedValue().sendPart(context)
      }, context)
    unsafe evbuffer_free(buffer)
  }

  private func finish(_ context: UnsafeMutableRawPointer) {
    unsafe evhttp_connection_set_closecb(evhttp_request_get_connection(request), nil, nil)
    unsafe evhttp_send_reply_end(request)
    unsafe Unmanaged<HTTPStream>.fromOpaque(context).release()
  }

  /// The client has left. evhttp has detached the request from the connection, and we must free it,
  /// unless the whole server is freed: then evhttp frees the request.
  private func abandon() {
    if unsafe evhttp_request_get_connection(request) == nil {
      unsafe evhttp_send_reply_end(request)
    }
  }

  static func buffer(_ bytes: [UInt8]) -> OpaquePointer? {
    let buffer = unsafe evbuffer_new()
    unsafe evbuffer_add(buffer, bytes, bytes.count)
    return unsafe buffer
  }
}
