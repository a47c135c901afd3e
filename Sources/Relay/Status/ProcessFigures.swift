import EventLoop
import Server

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Figures of the system about this process, read when they are shown.
///
/// Safe: the system fills in a value of the type that it is given and keeps no address.
package enum ProcessFigures {
  /// User and system time since the start, in seconds.
  package static var cpuSeconds: Double {
    var usage = rusage()
    #if os(Linux)
      unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    #else
      unsafe getrusage(RUSAGE_SELF, &usage)
    #endif
    let seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
    let microseconds = Int(usage.ru_utime.tv_usec) + Int(usage.ru_stime.tv_usec)
    return Double(seconds) + Double(microseconds) / 1e6
  }

  /// The second number of `/proc/self/statm`, in bytes; `nil` on systems without it.
  static var residentBytes: Int? {
    guard case .success(let bytes) = SmallFile.read("/proc/self/statm", limit: 128) else {
      return nil
    }
    let words = bytes.split(separator: UInt8(ascii: " "))
    guard words.count > 1, let pages = Int(String(decoding: words[1], as: UTF8.self)) else {
      return nil
    }
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  /// The number of open descriptors: the size of `/proc/self/fd` since Linux 6.2, `nil` on other
  /// systems.
  static var openDescriptors: Int? {
    var info = stat()
    guard unsafe stat("/proc/self/fd", &info) == 0, info.st_size > 0 else { return nil }
    return Int(info.st_size)
  }

  /// Counted one by one, which takes milliseconds with ten thousand sockets open.
  static func countDescriptors() -> Int {
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(folder) }
    var count = 0
    // Safe: the entry stands until the next call of readdir.
    while let entry = unsafe readdir(folder) {
      if unsafe entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { count += 1 }
    }
    // One descriptor belongs to the open folder.
    return count - 1
  }

  static var mostDescriptors: Int {
    var limit = rlimit()
    #if os(Linux)
      unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    #else
      unsafe getrlimit(RLIMIT_NOFILE, &limit)
    #endif
    return Int(clamping: limit.rlim_cur)
  }

  /// Seconds since 1970.
  package static var wallClock: Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
