import Directory
import EventLoop
import Units
import Wire

/// GET /: the operator's page, made of the files in `Page/`, which the build embeds. It loads
/// nothing from other hosts. A strict Content-Security-Policy allows only its own style and script,
/// by their hashes, and requests to the relay. The page requests /summary.json every two seconds
/// and /history.json every ten. It shows when no answer comes, and continues when the relay is
/// back.
package enum Page {
  package static var reply: HTTPReply {
    HTTPReply(
      status: 200, contentType: "text/html; charset=utf-8", headers: headers,
      body: .whole(Array(html.utf8)))
  }

  /// Also for the page's data: other pages must not read or keep it.
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

  static let style = text(PackageResources.page_css)
  static let script = text(PackageResources.page_js)

  /// `index.html` with the style and the script inserted.
  static let html = text(PackageResources.index_html)
    .replacing(styleLink, with: "<style>\(style)</style>")
    .replacing(scriptLink, with: "<script>\(script)</script>")

  static let styleLink = "<link rel=\"stylesheet\" href=\"page.css\">"
  static let scriptLink = "<script src=\"page.js\"></script>"

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
