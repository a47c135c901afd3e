/// `TOR_CONTROL`: the address of Tor's control port, and the listener that this Tor serves.

package struct TorControlSetting: Sendable, Equatable {
  package enum Place: Sendable, Equatable {
    case tcp(host: String, port: UInt16)
    case unix(path: String)
  }

  package let place: Place
  /// The name of a listener with circuits. `nil`: the only such listener.
  package let listener: String?

  package init(_ place: Place, listener: String? = nil) {
    self.place = place
    self.listener = listener
  }

  fileprivate init?(_ text: String) {
    let fields = text.split(separator: ";", omittingEmptySubsequences: false)
    guard fields.count <= 2, let place = Place(String(fields[0])) else { return nil }
    var listener: String?
    if fields.count == 2 {
      guard fields[1].hasPrefix("listener=") else { return nil }
      let name = String(fields[1].dropFirst(9))
      guard ListenerSetting.isName(name) else { return nil }
      listener = name
    }
    self.init(place, listener: listener)
  }

  fileprivate var text: String {
    let start =
      switch place {
      case .unix(let path): "unix:\(path)"
      case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      }
    return start + (listener.map { ";listener=\($0)" } ?? "")
  }

  /// Returns the position of the listener that this Tor serves.
  /// - Parameter listeners: all listeners, in their order.
  package func position(
    among listeners: [(name: String, hasProxyLine: Bool)]
  ) throws(TorControlFault) -> Int {
    let candidates = listeners.indices.filter {
      listeners[$0].hasProxyLine && (listener == nil || listeners[$0].name == listener)
    }
    guard candidates.count <= 1 else { throw .severalListeners }
    guard let first = candidates.first else { throw .noListener(listener) }
    return first
  }
}

package enum TorControlFault: Error, Equatable, CustomStringConvertible {
  case severalListeners
  case noListener(String?)

  package var description: String {
    switch self {
    case .severalListeners:
      "TOR_CONTROL: several listeners have PROXY lines; name the one of this Tor with ;listener="
    case .noListener(let name?):
      "TOR_CONTROL: there is no listener with a PROXY line that is called \(name)"
    case .noListener(nil):
      "TOR_CONTROL needs a listener with a PROXY line (PROXY_PROTOCOL), which names the circuits"
    }
  }
}

extension TorControlSetting.Place {
  fileprivate init?(_ text: String) {
    if text.hasPrefix("unix:") {
      guard let path = SettingForm<String>.path(upTo: 107).read(String(text.dropFirst(5))) else {
        return nil
      }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":"),
      let host = SettingForm<String>.host.read(String(text[..<colon])),
      !host.contains(":") || text.hasPrefix("["),
      let port = SettingForm<UInt16>.integer(1...65535).read(
        String(text[text.index(after: colon)...]))
    else { return nil }
    self = .tcp(host: host, port: port)
  }
}

extension SettingForm where Value == TorControlSetting {
  static var torControl: SettingForm {
    SettingForm(
      allowed: "unix:PATH or HOST:PORT, which may have ;listener=NAME", valueName: "PLACE",
      read: { TorControlSetting($0) }, write: { $0.text })
  }
}

extension Settings {
  /// Returns the faults in the settings of the control port.
  func torControlConflicts(inheritsListeners: Bool) -> [String] {
    var found: [String] = []
    if torControlCookieFile != nil, torControlPasswordFile != nil {
      found.append("TOR_CONTROL_COOKIE_FILE and TOR_CONTROL_PASSWORD_FILE: set only one of them")
    }
    if let torControl, !inheritsListeners {
      do throws(TorControlFault) {
        _ = try torControl.position(among: listeners.map { ($0.name, $0.hasProxyLine) })
      } catch { found.append("\(error)") }
    }
    return found
  }
}
