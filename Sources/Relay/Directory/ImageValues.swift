import StateImage
import Units
import Wire

/// Conversions of single values to an image and back. The way back returns `nil` for values that no
/// relay writes.

extension PeerKey {
  init(_ id: PeerID) { self.init(slot: id.slot, generation: id.generation) }
}

extension PeerID {
  package init(_ key: PeerKey) { self.init(slot: key.slot, generation: key.generation) }
}

extension Nick {
  var bytes: [UInt8] { withBytes(Array.init) }
}

extension Peer {
  /// Uses the memberwise initialiser with all fields, so a new field does not compile until
  /// somebody has decided what the image does with it.
  init?(_ image: PeerImage, slotsPerPage: Int) {
    let state: State
    switch image.state {
    case .pending: state = .pending
    case .waiting: state = .waiting
    case .proving: state = .proving
    case .present: state = .present
    }
    let nick = state == .pending ? Nick.nobody : Nick(image.nick)
    guard let nick, image.offers.count <= Limits.offersPerPeer else { return nil }
    let cursor = image.listsFrom.map { max(0, $0) / Int32(slotsPerPage) } ?? -1
    let make = Peer.init(
      generation:state:flags:features:listCursor:nick:entry:featureText:connectedAt:lastReceived:
      messages:publicFrames:publicBytes:orderbookRequests:peerlistRequests:cost:
      violations:keyTag:circuit:offers:)
    self = make(
      image.key.generation, state, Flags(rawValue: image.flags),
      Features.Known(rawValue: image.features), cursor, nick, image.entry, image.featureText,
      image.connectedAt, image.lastReceived, TokenBucket(fullAgain: image.buckets.messages),
      TokenBucket(fullAgain: image.buckets.publicFrames),
      TokenBucket(fullAgain: image.buckets.publicBytes),
      TokenBucket(fullAgain: image.buckets.orderbookRequests),
      TokenBucket(fullAgain: image.buckets.peerlistRequests),
      // Figures for the operator start at zero.
      PeerCost(), image.violations, image.keyTag,
      image.circuit.map { CircuitID(value: $0, listener: image.listener) }, image.offers)
  }
}

extension StateImage {
  /// Renumbers the listener of a circuit, whose position may have changed.
  package mutating func renumberListeners(_ new: (UInt16) -> UInt16) {
    for place in peers.indices { peers[place].listener = new(peers[place].listener) }
    for place in directory.circuits.indices {
      directory.circuits[place].listener = new(directory.circuits[place].listener)
    }
    for place in directory.delayed.indices {
      let flow = FairQueue.Flow(
        value: directory.delayed[place].flow, isStranger: directory.delayed[place].isStranger)
      guard let circuit = flow.circuit else { continue }
      directory.delayed[place].flow =
        FairQueue.Flow(circuit: circuit.numbered(by: new(circuit.listener)), isStranger: false)
        .value
    }
  }
}

extension HandshakeImage {
  init(_ request: HandshakeRequest) {
    let location: [UInt8]? =
      switch request.location {
      case .onion(let endpoint): endpoint.text
      case .notServing: nil
      }
    self.init(
      nick: request.nick.bytes, location: location,
      locationWasUnusable: request.locationWasUnusable,
      features: Array(request.features.listText.utf8),
      advertisedNoFeature: request.advertisedNoFeature,
      lineDigest: request.lineDigest.withBytes(Array.init))
  }
}

extension HandshakeRequest {
  init?(_ image: HandshakeImage, on network: Network) {
    var location = Location.notServing
    if let text = image.location {
      guard
        let endpoint = try? OnionEndpoint(String(decoding: text, as: UTF8.self), network: network)
      else { return nil }
      location = .onion(endpoint)
    }
    guard let nick = Nick(image.nick), let digest = Bytes32(image.lineDigest) else { return nil }
    let names = String(decoding: image.features, as: UTF8.self).split(separator: "+")
    self.init(
      nick: nick, location: location, locationWasUnusable: image.locationWasUnusable,
      features: Features(names: names.map(String.init)),
      advertisedNoFeature: image.advertisedNoFeature, lineDigest: digest)
  }
}
