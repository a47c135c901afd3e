/// The client side of SOCKS5 (RFC 1928, RFC 1929), as far as Tor needs it.

enum SocksClient {
  enum Greeting {
    case agreed
    /// The answer is not that of a SOCKS5 port.
    case notSocks
    /// The port wants an authentication that Tor does not use.
    case refused
  }

  /// Negotiates the method.
  /// - Parameter user: a new name gives the stream a new circuit (`IsolateSOCKSAuth`, Tor's
  ///   default). At most 255 bytes.
  static func greet(
    _ connection: ProbeConnection, user: String, before deadline: ClientSocket.Deadline
  ) throws(ProbeConnection.Failure) -> Greeting {
    let name = Array(user.utf8)
    let (noAuthentication, userAndPassword): (UInt8, UInt8) = (0, 2)
    try connection.send([5, 2, noAuthentication, userAndPassword], before: deadline)
    let answer = try connection.take(2, before: deadline)
    guard answer[0] == 5 else { return .notSocks }
    if answer[1] == noAuthentication { return .agreed }
    guard answer[1] == userAndPassword else { return .refused }
    try connection.send([1, UInt8(name.count)] + name + [1, UInt8(ascii: "x")], before: deadline)
    return try connection.take(2, before: deadline)[1] == 0 ? .agreed : .refused
  }

  /// Requests a stream and reads the whole answer.
  /// - Parameter host: at most 255 bytes; Tor resolves it.
  /// - Returns: SOCKS5's reply code, 0 when the stream is open; nil when the answer is not SOCKS5.
  static func connect(
    _ connection: ProbeConnection, to host: String, port: UInt16,
    before deadline: ClientSocket.Deadline
  ) throws(ProbeConnection.Failure) -> UInt8? {
    let name = Array(host.utf8)
    let request: [UInt8] =
      [5, 1, 0, 3, UInt8(name.count)] + name + [UInt8(port >> 8), UInt8(port & 0xff)]
    try connection.send(request, before: deadline)
    let head = try connection.take(4, before: deadline)
    guard head[0] == 5 else { return nil }
    let addressLength: Int
    switch head[3] {
    case 1: addressLength = 4
    case 3: addressLength = Int(try connection.take(1, before: deadline)[0])
    case 4: addressLength = 16
    default: return nil
    }
    _ = try connection.take(addressLength + 2, before: deadline)
    return head[1]
  }

  /// The meaning of a reply code for an onion service. Codes from 0xf0 on are those of Tor's
  /// proposal 304, which a SocksPort with the flag ExtendedErrors sends.
  static func words(_ code: UInt8) -> String {
    switch code {
    case 1: "Tor could not connect; its log may say why"
    case 2: "Tor's rules forbid this address"
    case 3, 4: "Tor cannot find this onion service: it is offline, or the address is wrong"
    case 5: "the onion service answers, but nothing listens behind it: its relay may be down"
    case 6: "Tor gave up waiting for the onion service: it is offline or overloaded"
    case 0xf0:
      "Tor finds no descriptor of this onion service: it is offline, or the address is wrong"
    case 0xf1: "the onion service's descriptor is invalid"
    case 0xf2: "the onion service's introduction points do not answer"
    case 0xf3:
      "the onion service does not answer at the rendezvous point: it is offline or overloaded"
    case 0xf4: "the onion service wants client authorisation, and this Tor has no key for it"
    case 0xf5: "the onion service refuses this Tor's client authorisation key"
    case 0xf6: "this is not a valid onion address"
    case 0xf7: "the onion service's introduction points did not answer in time"
    default: "Tor refuses with SOCKS code \(code)"
    }
  }
}
