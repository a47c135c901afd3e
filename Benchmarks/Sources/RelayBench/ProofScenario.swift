#if os(Linux)
  import Glibc

  /// Measures what the proof of a nick costs the node. A well-formed but invalid proof makes it
  /// check a signature like a valid one, and needs no key.
  extension Runner {
    /// Compares connections with an invalid proof and connections with an empty one, which fails
    /// before the signature check. The difference is the cost of the check.
    func proofs() throws(BenchError) -> [Measurement] {
      let plain = try Stretch(target)
      for i in 0..<sizes.connections {
        try ProofConnection(target.address).prove(Lines.nick(i, salt: 7), holds: false)
      }
      let spentPlain = try plain.cpu()
      let proving = try Stretch(target)
      for i in 0..<sizes.connections {
        try ProofConnection(target.address).prove(Lines.nick(i, salt: 7), holds: true)
      }
      let spent = try proving.cpu()
      guard let spent, let spentPlain else { throw BenchError("proofs: needs --pid") }
      var figures = Figures(.proofs)
      figures.addCPU("CPU per connection without", spentPlain, per: sizes.connections)
      figures.addCPU("CPU per proof", max(0, spent - spentPlain), per: sizes.connections)
      return figures.all
    }
  }

  /// A connection that waits for each answer.
  private struct ProofConnection: ~Copyable {
    private let descriptor: Int32

    init(_ address: Address) throws(BenchError) {
      guard case .started(let fd) = try Socket.connect(to: address, from: nil) else {
        throw BenchError("proofs: \(address) takes no connection")
      }
      descriptor = fd
    }

    deinit { Socket.abort(descriptor) }

    /// - Parameter holds: whether the proof contains a key and a signature.
    func prove(_ nick: String, holds: Bool) throws(BenchError) {
      try send(Self.handshake(nick))
      _ = try read(until: "{\"type\": 803")
      try send(holds ? Self.proof : Lines.frame(805, "{}"))
      let verdict = try read(until: "{\"type\": 807")
      guard verdict.contains(holds ? "invalid" : "malformed") else {
        throw BenchError("proofs: the node answered with \(verdict)")
      }
    }

    private func send(_ bytes: [UInt8]) throws(BenchError) {
      try wait(for: POLLOUT)
      guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
        throw .system("proofs: sending")
      }
    }

    /// Reads lines until one contains `text`.
    private func read(until text: String) throws(BenchError) -> String {
      var received = ""
      var room = [UInt8](repeating: 0, count: 4096)
      while !(received.contains(text) && received.hasSuffix("\r\n")) {
        try wait(for: POLLIN)
        let count = recv(descriptor, &room, room.count, 0)
        guard count > 0 else { throw BenchError("proofs: the node answered with \(received)") }
        received += String(decoding: room[..<count], as: UTF8.self)
      }
      return received
    }

    private func wait(for events: Int32) throws(BenchError) {
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      guard poll(&entry, 1, 10_000) == 1 else { throw BenchError("proofs: no answer in 10 s") }
    }

    private static func handshake(_ nick: String) -> [UInt8] {
      let line =
        "{\"app-name\": \"joinmarket\", \"directory\": false, \"location-string\": "
        + "\"NOT-SERVING-ONION\", "
        + "\"proto-ver\": 5, \"features\": {\"nick_auth\": true}, \"nick\": "
        + "\"\(nick)\", \"network\": \"regtest\"}"
      return Lines.frame(793, escaped(line))
    }

    /// An invalid proof: the key is the curve's generator, the signature two small numbers.
    private static let proof = Lines.frame(
      805,
      escaped(
        "{\"pubkey\":\"0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\","
          + "\"signature\":\"MEQCIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
          + "AiABAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==\"}"
      ))

    private static func escaped(_ line: String) -> String {
      line.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
    }
  }
#endif
