import Directory
import EventLoop
import Wire

/// GET /: one page for the operator, with everything it needs in it. It loads nothing from elsewhere, and a strict
/// Content-Security-Policy holds it to that: style and script run because their hashes are named, and only the relay itself may be
/// asked for data. It asks /summary.json every two seconds and /history.json every ten, says so when no answer comes, and goes on
/// when the relay is back.
package enum Page {
  package static var reply: HTTPReply {
    HTTPReply(
      status: 200, contentType: "text/html; charset=utf-8", headers: headers,
      body: .whole(Array(html.utf8)))
  }

  /// Also on the page's data: nobody else's page may read or keep it.
  static var guards: [HTTPReply.Header] {
    [
      HTTPReply.Header("Cache-Control", "no-store"),
      HTTPReply.Header("X-Content-Type-Options", "nosniff"),
      HTTPReply.Header("Cross-Origin-Resource-Policy", "same-origin"),
    ]
  }

  private static var headers: [HTTPReply.Header] {
    [
      HTTPReply.Header("Content-Security-Policy", policy),
      HTTPReply.Header("Referrer-Policy", "no-referrer"),
    ] + guards
  }

  package static let policy = [
    "default-src 'none'", "style-src '\(hash(style))'", "script-src '\(hash(script))'",
    "connect-src 'self'", "img-src data:", "base-uri 'none'", "form-action 'none'",
    "frame-ancestors 'none'",
  ].joined(separator: "; ")

  private static func hash(_ text: String) -> String {
    let digest = Digest.sha256(Array(text.utf8))
    return "sha256-" + base64(digest.withBytes(Array.init))
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
      bits <<= 8
      for place in 0..<4 {
        text.append(place <= group.count ? digits[Int(bits >> 26)] : "=")
        bits <<= 6
      }
    }
    return text
  }

  /// No icon is asked for: the empty one is in the page.
  private static let html = """
    <!doctype html>
    <html lang="en"><head><meta charset="utf-8"><title>Directory node</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <style>\(style)</style></head>
    <body>\(body)<script>\(script)</script></body></html>

    """

  private static let body = """
    <main>
    <header><h1>JoinMarket directory node</h1>
    <p id="state" role="status" data-state="wait">Asking …</p>
    <p id="reason"></p></header>
    <section class="tiles" aria-label="Now">
    <div><b id="peers">–</b><span>peers <i id="peers-more"></i></span></div>
    <div><b id="rate">–</b><span>deliveries a second</span></div>
    <div><b id="lag">–</b><span>loop lag, 99 of 100, last ten minutes</span></div>
    <div><b id="backlog">–</b><span>unread by peers <i id="backlog-more"></i></span></div>
    <div><b id="pending">–</b><span>handshakes under way</span></div>
    <div><b id="offers">–</b><span>offers <i id="offers-more"></i></span></div>
    <div><b id="memory">–</b><span>memory <i id="cpu"></i></span></div>
    <div><b id="uptime">–</b><span>up</span></div>
    </section>
    <nav aria-label="Time shown"><button id="hour" aria-pressed="true">Last hour</button>
    <button id="week" aria-pressed="false">Last week</button></nav>
    <section class="plots">
    <figure><figcaption>Peers</figcaption><div id="plot-peers"></div></figure>
    <figure><figcaption>Deliveries a second</figcaption><div id="plot-deliveries"></div></figure>
    <figure><figcaption>Worst loop lag, milliseconds</figcaption><div id="plot-lag"></div></figure>
    <figure><figcaption>Connections closed, a minute (the relay's own visits among them, six for each listener)</figcaption><div id="plot-closed"></div></figure>
    </section>
    <section class="tables">
    <div><h2>Connections closed</h2><table id="closed"></table></div>
    <div><h2>Limits hit</h2><table id="limits"></table></div>
    <div><h2>Frames dropped</h2><table id="dropped"></table></div>
    <div><h2>Handshakes refused</h2><table id="rejected"></table></div>
    </section>
    <footer><span id="version"></span> <a href="/metrics">metrics</a> <a href="/health">health</a>
    <a href="/status">status</a></footer>
    </main>
    """
}
