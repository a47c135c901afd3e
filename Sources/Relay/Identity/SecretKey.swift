import Wire

/// 32 random bytes at a place of their own, wiped at the end. Not a Swift value: copies of one may
/// stay anywhere.
struct SecretKey: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer

  init() {
    unsafe memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 32, alignment: 8)
    // Both have 32 bytes.
    Bytes32.random().withBytes { unsafe memory.copyMemory(from: $0.buffer) }
  }

  // The only owner: nothing uses the memory after this.
  deinit {
    unsafe Digest.wipe(memory)
    unsafe memory.deallocate()
  }

  /// Lends the bytes for the duration of `body`.
  func withBytes<R>(_ body: (ByteView) -> R) -> R {
    unsafe body(ByteView(UnsafeRawBufferPointer(memory)))
  }
}
