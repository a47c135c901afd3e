// The state image. Reading any bytes must end, and writing a decoded image must give the same
// bytes. The input is also read as the body of an image with a valid header and checksum, because a
// fuzzer cannot guess a checksum.

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
