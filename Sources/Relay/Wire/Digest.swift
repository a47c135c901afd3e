// SHA-256 and SHA3-256 from nettle, and the wiping of secrets. The onion checksum, the nick and
// nick authentication use the digests. (libcrypto does the same and adds 3.4 MB to a static
// executable and 2 MB to resident memory.)
//
// Safe: nettle keeps no pointer and reads or writes as many bytes as it is told.

import CNettle
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

package enum Digest {
  package static func sha256(_ bytes: ByteView) -> Bytes32 {
    var context = sha256_ctx()
    unsafe nettle_sha256_init(&context)
    unsafe nettle_sha256_update(&context, bytes.count, bytes.start)
    return unsafe result { unsafe nettle_sha256_digest(&context, $0.count, $0.baseAddress) }
  }

  package static func sha256(_ bytes: [UInt8]) -> Bytes32 { bytes.withView { sha256($0) } }

  static func sha3(_ bytes: [UInt8]) -> Bytes32 {
    var context = sha3_256_ctx()
    unsafe nettle_sha3_256_init(&context)
    unsafe nettle_sha3_256_update(&context, bytes.count, bytes)
    return unsafe result { unsafe nettle_sha3_256_digest(&context, $0.count, $0.baseAddress) }
  }

  private static func result(_ write: (UnsafeMutableBufferPointer<UInt8>) -> Void) -> Bytes32 {
    var bytes = [UInt8](repeating: 0, count: 32)
    unsafe bytes.withUnsafeMutableBufferPointer { unsafe write($0) }
    guard let value = Bytes32(bytes) else { preconditionFailure("a 256-bit digest has 32 bytes") }
    return value
  }

  /// Overwrites a secret with a call that the optimiser cannot remove.
  package static func wipe(_ secret: UnsafeMutableRawBufferPointer) {
    guard let start = secret.baseAddress else { return }
    #if canImport(Darwin)
      unsafe memset_s(start, secret.count, 0, secret.count)
    #else
      unsafe explicit_bzero(start, secret.count)
    #endif
  }
}
