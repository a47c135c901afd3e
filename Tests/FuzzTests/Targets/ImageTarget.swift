// The state image: whatever the bytes, reading ends, and what is read is written again to the byte.
// The input is read as it is and as the body of an image whose header and checksum are right: a
// fuzzer finds no checksum.

import Units

@testable import StateImage
@testable import Wire

enum ImageTarget {
  private static let origin = ImageOrigin(
    bootID: [UInt8](repeating: 7, count: 16), network: .regtest)

  static func run(_ input: ByteView) throws {
    try check([UInt8](input))
    try check(StateImage.wrap([UInt8](input), from: origin))
  }

  private static func check(_ bytes: [UInt8]) throws {
    guard let image = try? StateImage(bytes, at: origin) else { return }
    try hold("an image is written as it was read", image.encoded(from: origin) == bytes)
  }
}
