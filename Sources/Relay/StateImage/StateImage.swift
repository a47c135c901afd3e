import Units
import Wire

/// The state that a relay passes to its next process. It holds values only; docs/state-image.md
/// describes the bytes.
package struct StateImage: Equatable, ImageRecord {
  /// The version that this relay writes. It reads this version and the one before it, if there is
  /// one.
  package static let version: UInt32 = 1

  package var directory: DirectoryImage
  package var listeners: [ListenerImage]
  package var peers: [PeerImage]
  /// Connections that the directory has forgotten and whose last bytes are being sent.
  package var lingering: [LingeringImage]

  package init(
    directory: DirectoryImage, listeners: [ListenerImage], peers: [PeerImage],
    lingering: [LingeringImage]
  ) {
    self.directory = directory
    self.listeners = listeners
    self.peers = peers
    self.lingering = lingering
  }

  package static let layout = Layout(StateImage.init(directory:listeners:peers:lingering:)) {
    ($0.directory, $0.listeners, $0.peers, $0.lingering)
  }
}

/// Why an image is refused. `description` is for the operator: what is wrong and what was expected.
package enum ImageFault: Error, Equatable, CustomStringConvertible {
  /// It does not begin with the magic bytes.
  case notAnImage
  case version(UInt32)
  /// It ends too early, or a count is larger than the rest.
  case truncated
  case checksum
  /// It was written before the last boot, or on another machine.
  case otherBoot
  case otherNetwork
  /// It has a value that no relay writes, or bytes after the end.
  case malformed

  package var description: String {
    switch self {
    case .notAnImage: "not a state image"
    case .version(let version): "of version \(version), this relay reads \(StateImage.version)"
    case .truncated: "truncated"
    case .checksum: "damaged: its checksum is wrong"
    case .otherBoot: "of another boot of the machine"
    case .otherNetwork: "of another Bitcoin network"
    case .malformed: "malformed"
    }
  }
}

/// The conditions under which an image is valid: instants mean nothing after a reboot, nicks
/// nothing on another network.
package struct ImageOrigin: Equatable, Sendable {
  /// /proc/sys/kernel/random/boot_id, 16 bytes.
  package let bootID: [UInt8]
  package let network: Network

  package init(bootID: [UInt8], network: Network) {
    precondition(bootID.count == 16, "a boot id has 16 bytes")
    self.bootID = bootID
    self.network = network
  }
}

extension StateImage {
  /// `JMSTATE` and a line feed: no text file begins like it.
  static let magic = Array("JMSTATE\n".utf8)
  /// Magic, version, boot id, network, length of the body.
  static let headerLength = 8 + 4 + 16 + 1 + 8
  static let checksumLength = 32

  /// Header, body, SHA-256 of both. Backlogs may have hundreds of megabytes, so they are copied
  /// once.
  package func encoded(from origin: ImageOrigin) -> [UInt8] {
    let sockets = peers.lazy.map(\.socket)
    let buffered = sockets.reduce(0) { $0 + $1.input.count + $1.output.count }
    let lingered = lingering.reduce(0) { $0 + $1.socket.output.count }
    let expected = buffered + lingered + peers.count * Self.expectedPeerLength
    return Self.wrap(reserving: expected, from: origin) { write(to: &$0) }
  }

  /// The bytes to reserve for a peer without backlog.
  private static let expectedPeerLength = 600

  static func wrap(
    _ body: [UInt8], version: UInt32 = StateImage.version, from origin: ImageOrigin
  ) -> [UInt8] {
    wrap(reserving: body.count, version: version, from: origin) { $0.raw(body) }
  }

  private static func wrap(
    reserving length: Int, version: UInt32 = StateImage.version, from origin: ImageOrigin,
    _ writeBody: (inout ImageWriter) -> Void
  ) -> [UInt8] {
    var image = ImageWriter(reserving: headerLength + length + checksumLength)
    image.raw(magic)
    image.integer(version)
    image.raw(origin.bootID)
    image.integer(origin.network.code)
    image.integer(UInt64(0))
    writeBody(&image)
    image.replaceInteger(UInt64(image.bytes.count - headerLength), endingAt: headerLength)
    Digest.sha256(image.bytes).withBytes { image.raw($0) }
    return image.bytes
  }

  /// - Throws: unless `bytes` are one whole image of a version known here, of this boot and this
  ///   network.
  package init(_ bytes: [UInt8], at origin: ImageOrigin) throws(ImageFault) {
    guard bytes.starts(with: Self.magic) else { throw .notAnImage }
    var reader = ImageReader(bytes, from: Self.magic.count)
    let version = reader.integer(UInt32.self)
    if reader.fault == nil, version != Self.version { throw .version(version) }
    let bootID = reader.take(16) ?? []
    let network = reader.integer(UInt8.self)
    let length = reader.integer(UInt64.self)
    guard reader.fault == nil, reader.remaining >= Self.checksumLength,
      length == UInt64(reader.remaining - Self.checksumLength)
    else { throw .truncated }
    let end = bytes.count - Self.checksumLength
    let sum = bytes.withView { Digest.sha256($0.part(0..<end)) }
    guard sum.withBytes({ $0.elementsEqual(bytes[end...]) }) else { throw .checksum }
    guard bootID.elementsEqual(origin.bootID) else { throw .otherBoot }
    guard network == origin.network.code else { throw .otherNetwork }
    self = .read(&reader)
    if let fault = reader.fault { throw fault }
    guard reader.remaining == Self.checksumLength else { throw .malformed }
  }
}

extension Network {
  fileprivate var code: UInt8 {
    switch self {
    case .mainnet: 0
    case .testnet: 1
    case .signet: 2
    case .regtest: 3
    }
  }
}
