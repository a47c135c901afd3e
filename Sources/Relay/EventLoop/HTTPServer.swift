import CLibevent
import Units

/// A small HTTP server over libevent's evhttp for operators: GET and HEAD, no body, one request a
/// connection, few connections, short timeouts. evhttp has none of these limits (architecture.md,
/// "What things cost").
///
/// A new connection always gets a place. When all are taken, the oldest connection without a
/// complete request is closed, so that idle or slow clients cannot keep others out.
///
/// Safe: only this object frees evhttp, which calls it no more then. evhttp holds it unretained.
@safe
package final class HTTPServer {
  package struct Limits: Sendable {
    /// Request line and headers together.
    var header = ByteCount.kibibytes(16)
    /// The time from the connect to the end of the request.
    var requestTime = Duration.seconds(2)
    /// The time from the request to the last byte of the reply.
    var replyTime = Duration.seconds(30)
    package var connections = 8
    /// The received bytes that evhttp does not take: bytes after a request, or in an unexpected
    /// body.
    var pendingInput = ByteCount.kibibytes(24)

    package init() {}
  }

  package typealias Handler = (HTTPRequest) -> HTTPReply

  private let loop: EventLoop
  private let limits: Limits
  private let handler: Handler
  private let http: OpaquePointer
  /// The number of the listening socket.
  private let descriptor: Int32
  private var listener: OpaquePointer?
  private var places: [Place] = []
  private lazy var sweep = Timer(on: loop) { [unowned self] in sweepPlaces() }
  private lazy var listenAgain = Timer(on: loop) { [unowned self] in
    if let listener = unsafe listener { unsafe evconnlistener_enable(listener) }
  }

  /// Its address, with the port that the system chose.
  package private(set) var address: SocketAddress
  /// Replies sent, by status code. For metrics.
  package private(set) var answered: [Int: Int] = [:]

  /// - Parameter inherited: the socket of another process, which is bound to `address`.
  package init(
    on loop: EventLoop, address: SocketAddress, inherited: consuming Descriptor? = nil,
    limits: Limits = Limits(), handler: @escaping Handler
  ) throws(SocketError) {
    self.loop = loop
    self.limits = limits
    self.handler = handler
    let socket: Descriptor
    if let inherited { socket = inherited } else { socket = try .bound(to: address) }
    if let code = socket.listen() {
      throw .system(call: "listen", code: code, address: address)
    }
    guard let http = unsafe evhttp_new(loop.base) else {
      preconditionFailure("no memory for a server")
    }
    unsafe self.http = http
    self.address = KernelAddress(boundTo: socket).text
    // evhttp closes it.
    descriptor = socket.release()
    configure()
  }

  deinit {
    for place in places { place.release() }
    places = []
    unsafe evhttp_free(http)
  }

  /// Lends the listening socket to the store.
  package var lent: LentDescriptor { LentDescriptor(.status, descriptor) }

  /// Number of connections now.
  package var connectionCount: Int { places.count }

  private func configure() {
    unsafe evhttp_set_max_headers_size(http, limits.header.bytes)
    unsafe evhttp_set_max_body_size(http, 0)
    // evhttp's own timeout would close a client whose request came while the loop stood still.
    unsafe evhttp_set_timeout(http, 3_600)
    unsafe evhttp_set_default_content_type(http, nil)
    let methods = [
      EVHTTP_REQ_GET, EVHTTP_REQ_POST, EVHTTP_REQ_HEAD, EVHTTP_REQ_PUT, EVHTTP_REQ_DELETE,
      EVHTTP_REQ_OPTIONS, EVHTTP_REQ_TRACE, EVHTTP_REQ_CONNECT, EVHTTP_REQ_PATCH,
    ]
    // All methods reach the handler: evhttp answers others with 501.
    unsafe evhttp_set_allowed_methods(http, UInt16(methods.reduce(0) { $0 | $1.rawValue }))
    let context = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe evhttp_set_bevcb(
      http,
      { base, context in
        guard let context = unsafe context else { return nil }
        return unsafe Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().admit(base)
      }, context)
    unsafe evhttp_set_gencb(
      http,
      { request, context in
        guard let request = unsafe request, let context = unsafe context else { return }
        unsafe Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().answer(request)
      }, context)
    let bound = unsafe evhttp_accept_socket_with_handle(http, descriptor)
    unsafe precondition(bound != nil, "no memory for a server's listener")
    unsafe listener = evhttp_bound_socket_get_listener(bound)
    // Out of descriptors: without this the callback would repeat without end. The context belongs
    // to evhttp here, so a timer enables the listener again.
    unsafe evconnlistener_set_error_cb(listener) { listener, _ in
      unsafe evconnlistener_disable(listener)
    }
    listenAgain.scheduleRepeating(every: Listener.pauseWhenOut)
  }

  // MARK: Connections

  /// One connection of evhttp. The extra reference keeps the bufferevent valid after evhttp has
  /// freed it.
  ///
  /// Safe: the extra reference is released once, when the place is taken off the table.
  @safe
  private struct Place {
    let bufferevent: OpaquePointer
    var deadline: Instant
    var hasRequest = false

    /// evhttp removes its callbacks when it frees a connection.
    var isAbandoned: Bool {
      var read: bufferevent_data_cb?
      var event: bufferevent_event_cb?
      unsafe bufferevent_getcb(bufferevent, &read, nil, &event, nil)
      return unsafe read == nil && event == nil
    }

    /// evhttp sees the end of the stream and frees the connection itself.
    func cut() { unsafe SocketCalls.end(bufferevent_getfd(bufferevent)) }

    func release() { unsafe bufferevent_decref(bufferevent) }
  }

  package static let sweepInterval = Duration.milliseconds(100)

  private func admit(_ base: OpaquePointer?) -> OpaquePointer? {
    guard
      let bufferevent = unsafe bufferevent_socket_new(
        base, -1, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
    else { return nil }
    dropAbandoned()
    if places.count >= limits.connections {
      let oldest = places.firstIndex { !$0.hasRequest } ?? 0
      places[oldest].cut()
      places.remove(at: oldest).release()
    }
    // evhttp goes on reading while a reply is being sent.
    unsafe evbuffer_add_cb(
      bufferevent_get_input(bufferevent),
      { input, _, context in
        guard let context = unsafe context else { return }
        let server = unsafe Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        unsafe server.limit(input)
      }, Unmanaged.passUnretained(self).toOpaque())
    unsafe bufferevent_incref(bufferevent)
    unsafe places.append(Place(bufferevent: bufferevent, deadline: loop.now + limits.requestTime))
    if !sweep.isScheduled { sweep.scheduleRepeating(every: Self.sweepInterval) }
    return unsafe bufferevent
  }

  private func limit(_ input: OpaquePointer?) {
    guard unsafe evbuffer_get_length(input) > limits.pendingInput.bytes else { return }
    places.first { unsafe bufferevent_get_input($0.bufferevent) == input }?.cut()
  }

  private func sweepPlaces() {
    dropAbandoned()
    let now = loop.now
    for place in places where place.deadline < now { place.cut() }
    if places.isEmpty { sweep.cancel() }
  }

  private func dropAbandoned() {
    places.removeAll { place in
      guard place.isAbandoned else { return false }
      place.release()
      return true
    }
  }

  // MARK: Requests

  private func answer(_ raw: OpaquePointer) {
    let connection = unsafe evhttp_request_get_connection(raw)
    if let bufferevent = unsafe evhttp_connection_get_bufferevent(connection),
      let place = places.firstIndex(where: { unsafe $0.bufferevent == bufferevent })
    {
      // A second request, which evhttp allows after a CONNECT, gets no more time.
      if !places[place].hasRequest { places[place].deadline = loop.now + limits.replyTime }
      places[place].hasRequest = true
    }
    let request = unsafe HTTPRequest(raw)
    let reply = handler(request)
    answered[reply.status, default: 0] += 1
    unsafe reply.send(to: raw, isHead: request.method == .head)
  }
}
