import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes in a sealed memfd, which nobody can change. It is memory, never a file.
///
/// Safe: no call reads or writes beyond the size that the array has.
package enum SealedMemory {
  /// Larger ones are refused. `MAX_BACKLOG` bounds the sum of all backlogs, and its default is
  /// below this.
  package static let longest = 2 << 30

  /// - Returns: nil when the system has no memory for it.
  package static func make(_ bytes: [UInt8]) -> Descriptor? {
    #if os(Linux)
      guard let memory = unsafe Descriptor(result: shim_sealable_memory("jm-state-image")) else {
        return nil
      }
      let number = memory.number
      let isWritten = unsafe bytes.withUnsafeBytes { bytes in
        var written = 0
        while written < bytes.count {
          let count = unsafe write(
            number, bytes.baseAddress?.advanced(by: written), bytes.count - written)
          if count < 0, errno == EINTR { continue }
          guard count > 0 else { return false }
          written += count
        }
        return shim_seal(number) == 0
      }
      if isWritten { return memory }
      return nil
    #else
      return nil
    #endif
  }

  /// Returns the bytes of a sealed descriptor; nil unless it is sealed, complete and not too long.
  package static func read(_ descriptor: Int32) -> [UInt8]? {
    #if os(Linux)
      var status = stat()
      guard shim_is_sealed(descriptor) == 1, unsafe fstat(descriptor, &status) == 0,
        (0...longest).contains(Int(status.st_size))
      else { return nil }
      let size = Int(status.st_size)
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        while count < size {
          let some = unsafe pread(
            descriptor, buffer.baseAddress?.advanced(by: count), size - count, off_t(count))
          if some < 0, errno == EINTR { continue }
          guard some > 0 else { break }
          count += some
        }
      }
      return bytes.count == size ? bytes : nil
    #else
      return nil
    #endif
  }

  /// The kernel's id of this boot, 16 bytes. Zeros where it is hidden (`ProcSubset=pid` of the
  /// unit): memory and sockets do not outlive a boot.
  package static var bootID: [UInt8] {
    let none = [UInt8](repeating: 0, count: 16)
    guard case .success(let text) = SmallFile.read("/proc/sys/kernel/random/boot_id", limit: 64)
    else { return none }
    let digits = text.compactMap { UnicodeScalar($0).properties.isASCIIHexDigit ? $0 : nil }
    guard digits.count == 32 else { return none }
    return stride(from: 0, to: 32, by: 2).compactMap {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
    }
  }
}
