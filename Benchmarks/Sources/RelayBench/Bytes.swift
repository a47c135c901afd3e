#if os(Linux)
  import Glibc

  /// A growable run of bytes outside Swift's reference counting, freed by hand.
  ///
  /// The generator and the floor server hold one or two per peer: what came without its line's end
  /// and what the kernel did not take. An empty one owns no memory.
  struct Bytes {
    private var base: UnsafeMutablePointer<UInt8>?
    private var start = 0
    private var end = 0
    private var capacity = 0

    var count: Int { end - start }
    var isEmpty: Bool { end == start }

    /// The first byte; valid until the next change. Only for a run that is not empty.
    var pointer: UnsafeMutablePointer<UInt8> {
      // An empty run has no first byte: asking for it is the caller's mistake.
      guard let base else { preconditionFailure("the first byte of an empty run") }
      return base + start
    }

    mutating func append(_ bytes: UnsafePointer<UInt8>, _ n: Int) {
      if end + n > capacity { makeRoom(for: n) }
      guard let base else { return }
      memcpy(base + end, bytes, n)
      end += n
    }

    /// Drops the first `n` bytes; gives the memory back when nothing is left.
    mutating func consume(_ n: Int) {
      start += n
      if start == end { release() }
    }

    /// Forgets the content and keeps the memory.
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
      // realloc moves large runs by their pages, without a copy.
      guard let grown = realloc(base, size)?.assumingMemoryBound(to: UInt8.self) else { abort() }
      base = grown
      capacity = size
    }
  }
#endif
