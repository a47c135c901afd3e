import EventLoop
import Server
import Settings

/// The HTTP endpoint for the operator, the container engine and Prometheus. It answers GET and HEAD
/// for /health, /status, /metrics, the page at / and its data. Other requests get 404 or 405 with a
/// text.
package final class StatusEndpoint {
  private let relay: RelayStatus
  private let recorder: HistoryRecorder
  private var server: HTTPServer?

  /// The address as in the settings.
  private let configured: SocketAddress

  /// - Parameter inherited: the listening socket of another process.
  package init(
    for relay: RelayStatus, at address: SocketAddress, inherited: consuming Descriptor? = nil
  ) throws(SocketError) {
    self.relay = relay
    configured = address
    recorder = HistoryRecorder(for: relay)
    server = try HTTPServer(on: relay.node.loop, address: address, inherited: inherited) {
      [unowned self] in answer($0)
    }
  }

  /// The values with which the next process continues the listener.
  package var handOver: (listener: Listener.HandOver, lent: LentDescriptor)? {
    server.map { (Listener.HandOver(configured: configured), $0.lent) }
  }

  /// The address of the listener, with the port that the system chose.
  package var address: SocketAddress { server?.address ?? .tcp(host: "", port: 0) }

  private enum Route: String {
    case page = "/"
    case health = "/health"
    case status = "/status"
    case metrics = "/metrics"
    case summary = "/summary.json"
    case history = "/history.json"
  }

  private func answer(_ request: HTTPRequest) -> HTTPReply {
    guard let route = Route(rawValue: request.path) else {
      return Self.failure(404, "not found", "known are /, /health, /status and /metrics")
    }
    guard request.method != .other else {
      var reply = Self.failure(405, "method not allowed", "GET and HEAD are")
      reply.headers.append(HTTPReply.Header("Allow", "GET, HEAD"))
      return reply
    }
    guard isOpen(route) || areKnown(request.hosts) else {
      return Self.failure(
        403, "host not allowed",
        "ask by a local name or address, or add this name to STATUS_HOSTS")
    }
    return switch route {
    case .page: Page.reply
    case .health: health()
    case .status: status()
    case .metrics: metrics(MetricsText.Format(accept: request.accept))
    case .summary: summary()
    case .history: history(request.query.flatMap(History.Range.init) ?? .hour)
    }
  }

  /// Health and totals are not secret, and Prometheus may use any host name.
  private func isOpen(_ route: Route) -> Bool { route == .health || route == .metrics }

  private func areKnown(_ hosts: [String]) -> Bool {
    let settings = relay.node.settings
    let known = StatusHosts(settings.statusHosts + [settings.healthHost])
    return hosts.allSatisfy { known.allows($0) }
  }

  private func health() -> HTTPReply {
    let health = relay.health
    return HTTPReply(
      status: health.isHealthy ? 200 : 503, contentType: Self.json,
      body: .whole(Array((health.json + "\n").utf8)))
  }

  private func status() -> HTTPReply {
    let writer = StatusWriter(relay.snapshot(showsNicks: relay.node.settings.statusNicks))
    return HTTPReply(status: 200, contentType: Self.json, body: .parts(next: writer.next))
  }

  private func metrics(_ format: MetricsText.Format) -> HTTPReply {
    HTTPReply(
      status: 200, contentType: format.contentType, body: .whole(Metrics.text(of: relay, format)))
  }

  private func summary() -> HTTPReply {
    HTTPReply(
      status: 200, contentType: Self.json, headers: Page.guards,
      body: .whole(Array(RelaySummary(of: relay, recorder).json.utf8)))
  }

  private func history(_ range: History.Range) -> HTTPReply {
    let writer = HistoryWriter(recorder.history[range])
    return HTTPReply(
      status: 200, contentType: Self.json, headers: Page.guards, body: .parts(next: writer.next))
  }

  private static let json = "application/json"

  private static func failure(_ status: Int, _ error: String, _ hint: String) -> HTTPReply {
    HTTPReply(
      status: status, contentType: json,
      body: .whole(Array("{\"error\": \"\(error)\", \"hint\": \"\(hint)\"}\n".utf8)))
  }
}
