/// Calls that concern the whole process: its limits, its memory, its time.
import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
/// Safe: the system reads or fills in values of their type, and lines no longer than their room.
/// `madvise` drops clean pages of the executable only, which the kernel reads again from its file.
package enum ProcessCalls {
  /// Forbids core files, and access to this process's memory by other processes of the user: the
  /// memory shows which peers talk to each other.
  package static func forbidDumps() {
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if os(Linux)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
      _ = shim_set_dumpable(0)
    #else
      setrlimit(RLIMIT_CORE, &none)
    #endif
  }

  /// Releases pages of code that only the start needed: reading settings, texts and arguments uses
  /// more of the executable than serving does. Pages that are needed again are loaded from the page
  /// cache. Code is never modified, so nothing is lost.
  package static func releaseCodePages() {
    #if os(Linux)
      guard let maps = unsafe fopen("/proc/self/maps", "re") else { return }
      defer { unsafe fclose(maps) }
      var line = [CChar](repeating: 0, count: 512)
      while unsafe fgets(&line, Int32(line.count), maps) != nil {
        let text = String(
          decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        // start-end permissions offset device inode path
        let words = text.split(separator: " ")
        guard words.count >= 6, words[1] == "r-xp", words[4] != "0" else { continue }
        let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, let start = unsafe UnsafeMutableRawPointer(bitPattern: ends[0])
        else {
          continue
        }
        unsafe madvise(start, Int(ends[1] - ends[0]), MADV_DONTNEED)
      }
    #endif
  }

  /// Returns the processor time that this process has used.
  package static var processorTime: Duration {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .nanoseconds(Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Returns freed memory to the system. Wraps `malloc_trim`; takes about a millisecond for some
  /// megabytes.
  package static func releaseFreeMemory() {
    #if os(Linux)
      malloc_trim(0)
    #endif
  }

  /// Raises the limit of open descriptors to the system's maximum and returns it.
  package static func raiseDescriptorLimit() -> Int {
    #if os(Linux)
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let files = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard unsafe getrlimit(files, &limit) == 0 else { return 0 }
    if limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = limit.rlim_max
      unsafe setrlimit(files, &limit)
      unsafe getrlimit(files, &limit)
    }
    return Int(clamping: limit.rlim_cur)
  }
}
