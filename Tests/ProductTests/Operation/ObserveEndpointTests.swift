import Foundation
import Testing

extension ProductTests {
  @Suite("Metrics and the page, from outside")
  struct ObserveEndpointTests {
    @Test("/metrics counts what the peers did, and names no peer")
    func metrics() throws {
      let relay = try RelayProcess()
      let port = relay.statusPort ?? 0
      let maker = try TestPeer(to: relay, .maker(1))
      let taker = try TestPeer(to: relay, .taker(2))
      try maker.sendPublic("!sw0reloffer 0 30000 1000000 0 0.00001")
      _ = try taker.nextFrame()
      let text = try HTTP.get("/metrics", port: port)
      #expect(text.headers.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
      for line in [
        #"jm_directory_peers{role="active"} 1"#, #"jm_directory_peers{role="passive"} 1"#,
        "jm_directory_offers 1", "jm_directory_deliveries_total 1",
        #"jm_directory_frames_received_total{type="pubmsg"} 1"#,
        #"jm_directory_frames_sent_total{type="pubmsg"} 1"#, "jm_directory_healthy 1",
      ] { #expect(text.body.contains("\n\(line)\n"), "\(line)") }
      #expect(!text.body.contains(maker.nick) && !text.body.contains(".onion"))
    }

    @Test("the page and its data are guarded, and the page is one document")
    func page() throws {
      let relay = try RelayProcess()
      let port = relay.statusPort ?? 0
      let page = try HTTP.get("/", port: port)
      #expect(page.status == 200)
      #expect(page.headers.contains("Content-Security-Policy: default-src 'none'; "))
      #expect(page.headers.contains("X-Content-Type-Options: nosniff"))
      #expect(page.body.hasPrefix("<!doctype html>"))
      for path in ["/summary.json", "/history.json", "/history.json?week"] {
        let answer = try HTTP.get(path, port: port)
        #expect(answer.status == 200 && answer.headers.contains("Cache-Control: no-store"))
        #expect(
          (try? JSONSerialization.jsonObject(with: Data(answer.body.utf8))) != nil, "\(path)")
      }
    }

    @Test("the ctl prints metrics and, without a terminal, top as lines")
    func control() throws {
      let relay = try RelayProcess()
      let place = ["--host", "127.0.0.1", "--port", "\(relay.statusPort ?? 0)"]
      let metrics = try Product.control.run(["metrics"] + place)
      #expect(metrics.status == 0 && metrics.out.contains("\njm_directory_healthy 1\n"))
      let top = try Product.control.run(["top", "--count", "2"] + place)
      #expect(top.status == 0 && top.out.hasPrefix("healthy=true peers=0 "))
      #expect(top.out.split(separator: "\n").count == 2 && !top.out.contains("\u{1b}"))
      let none = try Product.control.run(["top", "--count=-1"] + place)
      #expect(none.status == 64 && none.error.contains("--count must be at least 1"))
    }
  }
}
