#if os(Linux)
  import Glibc

  /// A growable byte buffer without reference counting, freed by hand.
  ///
  /// The generator and the floor server hold one or two per peer: an incomplete line, and bytes
  /// that the kernel did not take. An empty buffer owns no memory.
  struct Bytes {
    private var base: UnsafeMutablePointer<UInt8>?
    private var start = 0
    private var end = 0
    private var capacity = 0

    var count: Int { end - start }
    var isEmpty: Bool { end == start }

    /// The address of the first byte, valid until the next change. The buffer must not be empty.
    var pointer: UnsafeMutablePointer<UInt8> {
      guard let base else { preconditionFailure("the first byte of an empty run") }
      return base + start
    }

    mutating func append(_ bytes: UnsafePointer<UInt8>, _ n: Int) {
      if end + n > capacity { makeRoom(for: n) }
      guard let base else { return }
      memcpy(base + end, bytes, n)
      end += n
    }

    /// Drops the first `n` bytes, and frees the memory when none is left.
    mutating func consume(_ n: Int) {
      start += n
      if start == end { release() }
    }

    /// Removes all bytes and keeps the memory.
    mutating func removeAll() {
      start = 0
      end = 0
    }

    mutating func release() {
      free(base)
      base = nil
      start = 0
      end = 0
      capacity = 0
    }

    private mutating func makeRoom(for n: Int) {
      let held = count
      if let base, start > 0 {
        memmove(base, base + start, held)
        start = 0
        end = held
      }
      guard held + n > capacity else { return }
      var size = max(1024, capacity)
      while size < held + n { size *= 2 }
      // realloc remaps the pages of large buffers instead of copying them.
      guard let grown = realloc(base, size)?.assumingMemoryBound(to: UInt8.self) else { abort() }
      base = grown
      capacity = size
    }
  }
#endif
