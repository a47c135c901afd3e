import CLibevent
import Units

/// Hands the buffers and the socket of a connection over to the next process.
///
/// Safe: as in Connection.swift; libevent copies as many bytes as it is told.
extension Connection {
  /// Returns copies of the received bytes that were not taken, and of the backlog.
  package func copyBuffers() -> (input: [UInt8], output: [UInt8]) {
    unsafe (
      Self.copy(bufferevent_get_input(open), isFrontShut: false),
      Self.copy(bufferevent_get_output(open), isFrontShut: true)
    )
  }

  /// Restores what `copyBuffers` of another process has returned. The output is sent without
  /// further calls.
  package func restoreBuffers(input: [UInt8], output: [UInt8]) {
    if !input.isEmpty {
      let buffer = unsafe bufferevent_get_input(open)
      // A bufferevent freezes the end of its input.
      unsafe evbuffer_unfreeze(buffer, 0)
      unsafe evbuffer_add(buffer, input, input.count)
      unsafe evbuffer_freeze(buffer, 0)
    }
    handedCount = output.count + SocketCalls.unsentBytes(of: descriptor)
    if !output.isEmpty {
      output.withView { unsafe keep($0, in: bufferevent_get_output(open)) }
    }
  }

  /// Copies all segments: `evbuffer_peek` and `evbuffer_get_contiguous_space` show only the first
  /// one.
  private static func copy(_ buffer: OpaquePointer?, isFrontShut: Bool) -> [UInt8] {
    let length = unsafe evbuffer_get_length(buffer)
    guard length > 0 else { return [] }
    // A bufferevent freezes the front of its output: nothing would be copied.
    if isFrontShut { unsafe evbuffer_unfreeze(buffer, 1) }
    defer { if isFrontShut { unsafe evbuffer_freeze(buffer, 1) } }
    return unsafe [UInt8](unsafeUninitializedCapacity: length) { bytes, count in
      count = unsafe evbuffer_copyout(buffer, bytes.baseAddress, length)
      precondition(count == length, "a buffer is copied whole")
    }
  }

  /// Lends the socket to the store.
  package var lent: LentDescriptor { LentDescriptor(.peer, descriptor) }
}
