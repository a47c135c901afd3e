/// Listeners as an operator writes them: a list in HOST and one in LISTEN_UNIX. Each entry has an
/// address and optionally a name and a PROXY setting: `/run/a.sock;name=a;proxy=true,/run/b.sock`.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One entry of HOST or LISTEN_UNIX.
package struct ListenerSetting: Sendable, Equatable {
  package enum Place: Sendable, Equatable {
    /// - Parameter port: `nil` is PORT.
    case tcp(host: String, port: UInt16?)
    case unix(path: String)
  }

  package let place: Place
  /// `nil`: the name is made from the kind and the position.
  package let name: String?
  /// `nil`: PROXY_PROTOCOL.
  package let hasProxyLine: Bool?

  package init(_ place: Place, name: String? = nil, hasProxyLine: Bool? = nil) {
    self.place = place
    self.name = name
    self.hasProxyLine = hasProxyLine
  }

  /// Reads the options after the address; `nil` for an unknown or repeated option.
  fileprivate init?(_ text: Substring, place: (String) -> Place?) {
    let fields = text.split(separator: ";", omittingEmptySubsequences: false)
    guard let place = place(String(fields[0])) else { return nil }
    var name: String?
    var hasProxyLine: Bool?
    for field in fields.dropFirst() {
      if field.hasPrefix("name="), name == nil {
        let word = String(field.dropFirst(5))
        guard Self.isName(word) else { return nil }
        name = word
      } else if field.hasPrefix("proxy="), hasProxyLine == nil {
        guard let value = SettingForm<Bool>.bool.read(String(field.dropFirst(6))) else {
          return nil
        }
        hasProxyLine = value
      } else {
        return nil
      }
    }
    self.init(place, name: name, hasProxyLine: hasProxyLine)
  }

  static func isName(_ word: String) -> Bool {
    (1...32).contains(word.utf8.count)
      && word.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  fileprivate var text: String {
    let start =
      switch place {
      case .unix(let path): path
      case .tcp(let host, nil): host
      case .tcp(let host, let port?): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      }
    return start + (name.map { ";name=\($0)" } ?? "")
      + (hasProxyLine.map { ";proxy=\($0)" } ?? "")
  }
}

extension SettingForm where Value == [ListenerSetting] {
  /// A list of addresses, each with a port unless it is PORT.
  static var tcpListeners: SettingForm {
    SettingForm(
      allowed: "IPv4 or IPv6 addresses, or localhost; each may have :port, ;name= and ;proxy=",
      valueName: "HOST",
      read: { text in
        list(text) { place in
          if let host = SettingForm<String>.host.read(place) { return .tcp(host: host, port: nil) }
          guard let colon = place.lastIndex(of: ":"),
            let host = SettingForm<String>.host.read(String(place[..<colon])),
            !host.contains(":") || place.hasPrefix("["),
            let port = SettingForm<UInt16>.integer(0...65535)
              .read(String(place[place.index(after: colon)...]))
          else { return nil }
          return .tcp(host: host, port: port)
        }
      },
      write: written)
  }

  static var unixListeners: SettingForm {
    SettingForm(
      allowed: "paths of at most 103 bytes without , and ; each may have ;name= and ;proxy=",
      valueName: "PATH",
      read: { text in
        list(text) { SettingForm<String>.path(upTo: 103).read($0).map { .unix(path: $0) } }
      },
      write: written)
  }

  @Sendable private static func written(_ list: [ListenerSetting]) -> String {
    list.map(\.text).joined(separator: ",")
  }

  /// At most 64 entries.
  private static func list(
    _ text: String, place: (String) -> ListenerSetting.Place?
  ) -> [ListenerSetting]? {
    let entries = text.split(separator: ",", omittingEmptySubsequences: false)
    guard entries.count <= 64 else { return nil }
    let read = entries.compactMap { ListenerSetting($0, place: place) }
    return read.count == entries.count ? read : nil
  }
}

/// A listener with all defaults filled in.
package struct ListenerPlan: Sendable, Equatable {
  package enum Place: Sendable, Equatable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  package let place: Place
  package let name: String
  package let hasProxyLine: Bool
  /// The setting that defines it, for faults.
  package let setting: String
}

extension Settings {
  /// The relay's own listeners, in the order in which they are opened. Without a name the first of
  /// a kind is `tcp` or `unix`, the others `tcp2`, `unix2` and so on.
  package var listeners: [ListenerPlan] {
    let tcp = tcpListeners.enumerated().map { index, entry in
      plan(entry, kind: "tcp", index: index, setting: "HOST and PORT")
    }
    let unix = unixListeners.enumerated().map { index, entry in
      plan(entry, kind: "unix", index: index, setting: "LISTEN_UNIX")
    }
    return tcp + unix
  }

  private func plan(
    _ entry: ListenerSetting, kind: String, index: Int, setting: String
  ) -> ListenerPlan {
    let place: ListenerPlan.Place =
      switch entry.place {
      case .tcp(let host, let port): .tcp(host: host, port: port ?? self.port)
      case .unix(let path): .unix(path: path)
      }
    return ListenerPlan(
      place: place, name: entry.name ?? (index == 0 ? kind : "\(kind)\(index + 1)"),
      hasProxyLine: entry.hasProxyLine ?? proxyProtocol, setting: setting)
  }

  /// Faults for listeners with the same address or name.
  var listenerConflicts: [String] {
    var found: [String] = []
    var names: Set<String> = []
    var places: [ListenerPlan.Place] = []
    for listener in listeners {
      if !names.insert(listener.name).inserted {
        found.append("two listeners are called \(listener.name): give one another ;name=")
      }
      if case .tcp(_, 0) = listener.place { continue }
      if places.contains(listener.place) {
        found.append("\(listener.setting) names a place twice, for the listener \(listener.name)")
      }
      if listener.place == .tcp(host: healthHost, port: healthPort) {
        found.append("PORT and HEALTH_CHECK_PORT are both \(healthPort) on \(healthHost)")
      }
      if case .unix(let path) = listener.place, path == adminSocket {
        found.append("ADMIN_SOCKET and \(listener.setting) are both \(path)")
      }
      places.append(listener.place)
    }
    return found
  }
}
