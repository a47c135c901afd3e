import Foundation
import Testing
import Units

@testable import StateImage

@Suite struct StateImageTests {
  private let origin = SampleImage.origin
  private let bytes = SampleImage.image.encoded(from: SampleImage.origin)

  @Test("What is written is read again, field by field")
  func roundTrip() throws {
    #expect(try StateImage(bytes, at: origin) == SampleImage.image)
  }

  /// `JM_RECORD_IMAGE=PATH` records the fixture of a new version.
  @Test("Version 1 of the image stays the same, byte by byte")
  func fixture() throws {
    if let path = ProcessInfo.processInfo.environment["JM_RECORD_IMAGE"] {
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    let url = try #require(
      Bundle.module.url(forResource: "Data/state-image-1", withExtension: "bin"))
    let fixture = [UInt8](try Data(contentsOf: url))
    #expect(try StateImage(fixture, at: origin) == SampleImage.image)
    #expect(fixture == bytes)
  }

  @Test("An image cut at any byte is refused")
  func truncated() {
    for length in 0..<bytes.count {
      #expect(throws: ImageFault.self) { try StateImage(Array(bytes[..<length]), at: origin) }
    }
    #expect(throws: ImageFault.truncated) { try StateImage(bytes + [0], at: origin) }
  }

  @Test("An image with any bit flipped is refused")
  func damaged() {
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << (index % 8)
      #expect(throws: ImageFault.self) { try StateImage(damaged, at: origin) }
    }
  }

  @Test("Images of other versions, boots and networks are refused, each with its own fault")
  func others() throws {
    var body = ImageWriter()
    SampleImage.image.write(to: &body)
    for version in [0, StateImage.version + 1, .max] {
      let other = StateImage.wrap(body.bytes, version: version, from: origin)
      #expect(throws: ImageFault.version(version)) { try StateImage(other, at: origin) }
    }
    let otherBoot = ImageOrigin(bootID: Array(2...17), network: origin.network)
    #expect(throws: ImageFault.otherBoot) { try StateImage(bytes, at: otherBoot) }
    let otherNetwork = ImageOrigin(bootID: origin.bootID, network: .mainnet)
    #expect(throws: ImageFault.otherNetwork) { try StateImage(bytes, at: otherNetwork) }
    #expect(throws: ImageFault.notAnImage) {
      try StateImage(Array("PROXY TCP6".utf8), at: origin)
    }
  }

  @Test("A body with a valid checksum and a wrong length is refused")
  func lies() {
    var body = ImageWriter()
    SampleImage.image.write(to: &body)
    for extra in [[0], [1, 2, 3]] as [[UInt8]] {
      let image = StateImage.wrap(body.bytes + extra, from: origin)
      #expect(throws: ImageFault.malformed) { try StateImage(image, at: origin) }
    }
    // The first count of the body claims a nick of four gigabytes.
    let image = StateImage.wrap([255, 255, 255, 255] + body.bytes, from: origin)
    #expect(throws: ImageFault.truncated) { try StateImage(image, at: origin) }
  }

  @Test("A peer without backlog takes less than 600 bytes")
  func size() {
    var peer = SampleImage.present
    peer.socket = SocketImage(cookie: 1, input: [], output: [])
    peer.entry = [UInt8](repeating: 65, count: 16 + 1 + 62 + 6)
    peer.featureText = Array("neutrino_compat+nick_auth+peerlist_features+ping".utf8)
    peer.offers = [1, 2, 3, 4]
    var writer = ImageWriter()
    peer.write(to: &writer)
    #expect(writer.bytes.count < 600)
  }
}
