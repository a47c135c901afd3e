import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Bytes out: to the kernel at once, and what it does not take into the output buffer.
///
/// Safe: as in Connection.swift; libevent copies the bytes that it is given.
extension Connection {
  /// Bytes given to `send` that have not left this machine's buffers, the kernel's among them.
  package var unsentCount: Int {
    unsafe bufferevent == nil ? 0 : backlog + SocketCalls.unsentBytes(of: descriptor)
  }

  /// Bytes that the kernel has not taken yet; 0 once closed.
  package var backlog: Int {
    unsafe bufferevent == nil ? 0 : evbuffer_get_length(bufferevent_get_output(bufferevent))
  }

  /// What the allocator holds for `backlog`, in bytes: libevent keeps it in pieces of 1, 2 and then
  /// 4 KiB. On average half of the last one is empty.
  package var backlogMemory: Int {
    let bytes = backlog
    if bytes == 0 { return 0 }
    return bytes <= Self.smallestPiece ? 1_040 : bytes + bytes / 64 + Self.keptPiece / 2
  }

  /// The room in the smallest piece of an evbuffer of libevent 2.1, and in a piece of 4 KiB.
  private static let smallestPiece = 1_024 - 48
  private static let keptPiece = 4_096 - 48

  /// Sends `bytes` after everything sent before.
  package func send(_ bytes: ByteView) -> SendOutcome {
    handedCount += bytes.count
    let output = unsafe bufferevent_get_output(open)
    guard unsafe evbuffer_get_length(output) == 0 else {
      unsafe keep(bytes, in: output)
      return .accepted(left: bytes.count)
    }
    let outcome = SocketCalls.send(descriptor, bytes)
    if case .accepted(let left) = outcome, left > 0 {
      unsafe keep(bytes.part(bytes.count - left..<bytes.count), in: output)
    }
    return outcome
  }

  /// Sends several pieces in one write, after everything sent before.
  package func send(_ pieces: SendPieces) -> SendOutcome {
    handedCount += pieces.byteCount
    let output = unsafe bufferevent_get_output(open)
    var next = 0
    var skipped = 0
    while unsafe evbuffer_get_length(output) == 0, next < pieces.count {
      let end = min(pieces.count, next + SocketCalls.mostPieces)
      let isAll = next == 0 && end == pieces.count
      let length = isAll ? pieces.byteCount : pieces.byteCount(of: next..<end)
      let outcome = SocketCalls.send(descriptor, pieces, next..<end, length: length)
      switch outcome {
      case .failed: return outcome
      case .accepted(left: 0) where isAll: return outcome
      case .accepted(let left):
        skipped = length - left
        while next < end, skipped >= pieces[next].count {
          skipped -= pieces[next].count
          next += 1
        }
        if next < end {
          return unsafe .accepted(left: keep(pieces, from: next, after: skipped, in: output))
        }
      }
    }
    return unsafe .accepted(left: keep(pieces, from: next, after: skipped, in: output))
  }

  private func keep(
    _ pieces: SendPieces, from first: Int, after skipped: Int, in output: OpaquePointer?
  ) -> Int {
    var skip = skipped
    var count = 0
    for index in first..<pieces.count {
      let bytes = pieces[index]
      unsafe keep(bytes.part(skip..<bytes.count), in: output)
      count += bytes.count - skip
      skip = 0
    }
    return count
  }

  /// Leaves `bytes` to the loop, behind what is left over already.
  func keep(_ bytes: ByteView, in output: OpaquePointer?) {
    if unsafe evbuffer_get_length(output) == 0 {
      unsafe bufferevent_enable(bufferevent, Int16(EV_WRITE))
    }
    // libevent keeps bytes that are added at once in one piece and rounds its size up to a power of
    // two.
    var rest = bytes
    while !rest.isEmpty {
      let part = rest.part(0..<min(rest.count, Self.keptPiece))
      unsafe evbuffer_add(output, part.start, part.count)
      rest = rest.part(part.count..<rest.count)
    }
  }

  /// Sends a line, its terminator included, before the backlog but after its first line, which may
  /// be sent in part.
  /// - Returns: the number of bytes of the backlog that it has overtaken.
  package func sendAhead(_ line: ByteView) -> Int {
    let output = unsafe bufferevent_get_output(open)
    var ending = 0
    let found = unsafe evbuffer_search_eol(output, nil, &ending, EVBUFFER_EOL_CRLF_STRICT)
    guard unsafe found.pos >= 0, let first = unsafe evbuffer_new() else {
      _ = send(line)
      return 0
    }
    defer { unsafe evbuffer_free(first) }
    handedCount += line.count
    let overtaken = unsafe evbuffer_get_length(output) - Int(found.pos) - ending
    // A bufferevent freezes the front of its output.
    unsafe evbuffer_unfreeze(output, 1)
    unsafe evbuffer_remove_buffer(output, first, Int(found.pos) + ending)
    unsafe evbuffer_add(first, line.start, line.count)
    unsafe evbuffer_prepend_buffer(output, first)
    unsafe evbuffer_freeze(output, 1)
    return overtaken
  }

  /// Discards the backlog. The stream is incomplete then, so close it soon.
  package func discardOutput() {
    let output = unsafe bufferevent_get_output(open)
    // A bufferevent freezes the front of its output.
    unsafe evbuffer_unfreeze(output, 1)
    unsafe evbuffer_drain(output, evbuffer_get_length(output))
    unsafe evbuffer_freeze(output, 1)
    unsafe bufferevent_disable(bufferevent, Int16(EV_WRITE))
  }
}
