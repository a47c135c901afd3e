import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes out: to the kernel at once, and what it does not take into the output buffer.
extension Connection {
  /// Bytes given to `send` that have not left this machine's buffers, the kernel's among them.
  package var unsentCount: Int {
    bufferevent == nil ? 0 : backlog + SocketCalls.unsentBytes(of: descriptor)
  }

  /// Bytes that the kernel has not taken yet; 0 once closed.
  package var backlog: Int {
    bufferevent == nil ? 0 : evbuffer_get_length(bufferevent_get_output(bufferevent))
  }

  /// What the allocator holds for `backlog`, in bytes: libevent keeps it in pieces of 1, 2 and then
  /// 4 KiB, the first and the last of which are seldom full.
  package var backlogMemory: Int {
    let bytes = backlog
    if bytes == 0 { return 0 }
    return bytes <= Self.smallestPiece ? 1_040 : bytes + bytes / 64 + Self.keptPiece
  }

  /// The room in the smallest piece of an evbuffer of libevent 2.1, and in a piece of 4 KiB.
  private static let smallestPiece = 1_024 - 48
  private static let keptPiece = 4_096 - 48

  /// Sends `bytes` behind everything sent before.
  package func send(_ bytes: ByteView) -> SendOutcome {
    handedCount += bytes.count
    let output = bufferevent_get_output(open)
    guard evbuffer_get_length(output) == 0 else {
      keep(bytes, in: output)
      return .accepted(left: bytes.count)
    }
    let outcome = SocketCalls.send(descriptor, bytes)
    if case .accepted(let left) = outcome, left > 0 {
      keep(bytes.part(bytes.count - left..<bytes.count), in: output)
    }
    return outcome
  }

  /// Sends several pieces in one write, behind everything sent before.
  package func send(_ pieces: SendPieces) -> SendOutcome {
    handedCount += pieces.byteCount
    return pieces.vectors.withUnsafeBufferPointer { send($0, length: pieces.byteCount) }
  }

  /// - Parameter length: of all pieces together.
  private func send(_ pieces: UnsafeBufferPointer<iovec>, length: Int) -> SendOutcome {
    let output = bufferevent_get_output(open)
    var rest = pieces[...]
    var skipped = 0
    while evbuffer_get_length(output) == 0, !rest.isEmpty {
      let some = rest.prefix(SocketCalls.mostPieces)
      let isAll = some.count == pieces.count
      let someLength = isAll ? length : some.reduce(0) { $0 + $1.iov_len }
      let outcome = SocketCalls.send(
        descriptor, UnsafeBufferPointer(rebasing: some), length: someLength)
      switch outcome {
      case .failed: return outcome
      case .accepted(left: 0) where isAll: return outcome
      case .accepted(let left):
        var count = someLength - left
        for piece in some {
          guard count >= piece.iov_len else { break }
          count -= piece.iov_len
          rest.removeFirst()
        }
        skipped = count
        if rest.startIndex < some.endIndex {
          return .accepted(left: keep(rest, after: skipped, in: output))
        }
      }
    }
    return .accepted(left: keep(rest, after: skipped, in: output))
  }

  private func keep(
    _ pieces: Slice<UnsafeBufferPointer<iovec>>, after skipped: Int, in output: OpaquePointer?
  ) -> Int {
    var skip = skipped
    var count = 0
    for piece in pieces {
      let bytes = ByteView(UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len))
      keep(bytes.part(skip..<bytes.count), in: output)
      count += bytes.count - skip
      skip = 0
    }
    return count
  }

  /// Leaves `bytes` to the loop, behind what is left over already.
  func keep(_ bytes: ByteView, in output: OpaquePointer?) {
    if evbuffer_get_length(output) == 0 { bufferevent_enable(bufferevent, Int16(EV_WRITE)) }
    // What is added at once lies in one piece, and libevent rounds its size up to a power of two.
    var rest = bytes
    while !rest.isEmpty {
      let part = rest.part(0..<min(rest.count, Self.keptPiece))
      evbuffer_add(output, part.start, part.count)
      rest = rest.part(part.count..<rest.count)
    }
  }

  /// Sends a line, its terminator included, before all lines of the backlog but the first, of which
  /// a part may have left.
  /// - Returns: how many bytes of the backlog it has overtaken.
  package func sendAhead(_ line: ByteView) -> Int {
    let output = bufferevent_get_output(open)
    var ending = 0
    let found = evbuffer_search_eol(output, nil, &ending, EVBUFFER_EOL_CRLF_STRICT)
    guard found.pos >= 0, let first = evbuffer_new() else {
      _ = send(line)
      return 0
    }
    defer { evbuffer_free(first) }
    handedCount += line.count
    let overtaken = evbuffer_get_length(output) - Int(found.pos) - ending
    // A bufferevent keeps the front of its output shut to everyone but itself.
    evbuffer_unfreeze(output, 1)
    evbuffer_remove_buffer(output, first, Int(found.pos) + ending)
    evbuffer_add(first, line.start, line.count)
    evbuffer_prepend_buffer(output, first)
    evbuffer_freeze(output, 1)
    return overtaken
  }

  /// Throws away what the kernel has not taken. What follows would not be understood: close it
  /// soon.
  package func discardOutput() {
    let output = bufferevent_get_output(open)
    // A bufferevent keeps the front of its output shut to everyone but itself.
    evbuffer_unfreeze(output, 1)
    evbuffer_drain(output, evbuffer_get_length(output))
    evbuffer_freeze(output, 1)
    bufferevent_disable(bufferevent, Int16(EV_WRITE))
  }
}
