import Units
import Wire

/// 32 random bytes at a place of their own, wiped at the end. Not a Swift value: copies of one may
/// stay anywhere.
///
/// Safe: the memory has 32 bytes, and only this value frees it.
@safe
struct SecretKey: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer

  init() {
    unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 8)
    Bytes32.random().withBytes { unsafe memory.copyMemory(from: $0.buffer) }
  }

  deinit {
    unsafe Digest.wipe(memory)
    unsafe memory.deallocate()
  }

  /// Lends the bytes for the duration of `body`.
  func withBytes<R>(_ body: (ByteView) -> R) -> R {
    unsafe body(ByteView(UnsafeRawBufferPointer(memory)))
  }
}
