// Sends random hostile input of every kind: the same sequence for the same seed. It never waits for
// an answer; the honest peer of the test sets the pace.

import TestSupport
import Testing

struct Hostility {
  /// The number of inputs by kind, and their bytes.
  private(set) var counts: [Kind: Int] = [:]
  private(set) var bytes = 0
  private var random: SplitMix64
  private let unix: TestSocket.Address
  private let tcp: TestSocket.Address
  /// Hostile peers that were admitted, and open pending connections.
  private var peers: [(socket: TestSocket, hello: Hello)] = []
  private var number = 1_000

  enum Kind: String, CaseIterable {
    case mutatedHandshake, mutatedFrame, noise, halfFrame, halfClose, reset, flood, forgery, list,
      proof
  }

  init(seed: UInt64, unix: TestSocket.Address, tcp: TestSocket.Address) {
    random = SplitMix64(seed: seed)
    self.unix = unix
    self.tcp = tcp
  }

  /// Sends one more input.
  mutating func act() throws {
    // Floods are rare, because they are large.
    let isFlood = Int.random(in: 0..<2_000, using: &random) == 0
    let kind =
      isFlood ? .flood : Kind.allCases.filter { $0 != .flood }.randomElement(using: &random)
    guard let kind else { return }
    counts[kind, default: 0] += 1
    try act(kind)
  }

  mutating func leave() {
    peers.removeAll()
  }

  private mutating func act(_ kind: Kind) throws {
    switch kind {
    case .mutatedHandshake:
      let socket = try TestSocket(unix)
      send(mutated(nextHello().frame), on: socket)
      if Bool.random(using: &random) { keep(socket, nextHello()) }
    case .mutatedFrame:
      try fromPeer { random, hello in Self.mutated(frame(of: hello), using: &random) }
    case .noise: try fromPeer { random, _ in noise(&random, upTo: 300) }
    case .halfFrame:
      try fromPeer { random, hello in
        let bytes = frame(of: hello)
        return Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &random)))
      }
    case .halfClose:
      let socket = try TestSocket(unix)
      send(Array(nextHello().frame.utf8), on: socket)
      socket.shutdownWriting()
      keep(socket, nextHello())
    case .reset:
      let socket = try TestSocket(tcp)
      let bytes = Array(nextHello().frame.utf8)
      send(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))), on: socket)
      socket.reset()
    case .flood:
      try fromPeer { _, hello in
        Array(repeatElement(frame(of: hello), count: 1_000).joined())
      }
    case .forgery: try fromPeer { random, hello in forgery(&random, hello) }
    case .list: try fromPeer { _, _ in Array(Frames.frame(791, "").utf8) }
    case .proof:
      let socket = try TestSocket(unix)
      var hello = nextHello()
      hello.features.append("nick_auth")
      let proof = Proving.frame(#"{"pubkey":"02","signature":"AA=="}"#)
      send(Array(hello.frame.utf8) + mutated(proof), on: socket)
    }
  }

  // MARK: Peers

  private mutating func nextHello() -> Hello {
    number += 1
    return number % 2 == 0 ? .taker(number) : .maker(number)
  }

  private mutating func keep(_ socket: TestSocket, _ hello: Hello) {
    if peers.count < 300 {
      peers.append((socket, hello))
    } else {
      peers[Int.random(in: 0..<peers.count, using: &random)] = (socket, hello)
    }
  }

  private mutating func send(_ bytes: [UInt8], on socket: TestSocket) {
    if !bytes.isEmpty { _ = socket.sendSome(bytes[...]) }
    self.bytes += bytes.count
  }

  /// Sends what `make` returns from a peer that has completed its handshake. A closed peer is
  /// replaced.
  private mutating func fromPeer(
    _ make: (inout SplitMix64, Hello) -> [UInt8]
  ) throws {
    if peers.count < 100 {
      let hello = nextHello()
      let socket = try TestSocket(unix)
      send(Array(hello.frame.utf8), on: socket)
      peers.append((socket, hello))
    }
    let place = Int.random(in: 0..<peers.count, using: &random)
    let input = make(&random, peers[place].hello)
    bytes += input.count
    guard !input.isEmpty else { return }
    // Some of them read their input; the others are slow readers.
    if place % 3 != 0 { _ = try? peers[place].socket.receive(within: 0) }
    if peers[place].socket.sendSome(input[...]) == nil { peers.remove(at: place) }
  }

  // MARK: Bytes

  private mutating func mutated(_ text: String) -> [UInt8] {
    Self.mutated(Array(text.utf8), using: &random)
  }

  /// Returns the bytes with a few of them changed, removed or doubled, or cut short.
  private static func mutated(_ bytes: [UInt8], using random: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      guard !bytes.isEmpty else { break }
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.remove(at: place)
      case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 20)], at: place)
      default: bytes.insert(contentsOf: noise(&random, upTo: 8), at: place)
      }
    }
    return bytes
  }
}

private func frame(of hello: Hello) -> [UInt8] {
  Array(Frames.frame(687, "\(hello.nick)!PUBLIC!sw0reloffer 0 1 2 0 0.1").utf8)
}

private func noise(_ random: inout SplitMix64, upTo most: Int) -> [UInt8] {
  (0..<Int.random(in: 1...most, using: &random)).map { _ in
    UInt8.random(in: 0...255, using: &random)
  }
}

private func forgery(_ random: inout SplitMix64, _ hello: Hello) -> [UInt8] {
  let lines = [
    "\(nickNumber(1))!PUBLIC!x", "\(hello.nick)!PUBLIC", "\(hello.nick)!\(nickNumber(1))!", "!!!",
    "\(hello.nick)!\(hello.nick)!x", "\(hello.nick)!PUBLIC!cancel 0",
    "\(hello.nick)!PUBLIC!orderbook",
  ]
  let types = [685, 687, 789, 793, 795, 797, 798, 799, 803, 805, 807, 9_999]
  return Array(
    Frames.frame(
      types.randomElement(using: &random) ?? 0, lines.randomElement(using: &random) ?? ""
    ).utf8)
}
