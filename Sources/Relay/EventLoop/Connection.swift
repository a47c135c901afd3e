import CLibevent

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A connected stream socket over a libevent bufferevent. A subclass says what happens (one object
/// a peer instead of two: promises.md, memory per peer). `open`, since Swift lets no other class be
/// subclassed outside its module.
///
/// Reading: libevent reads at most 4,096 bytes a turn into the input buffer and `received()` takes
/// them from `withInput`. Writing: `send` gives the bytes to the kernel at once; what it does not
/// take is copied into the output buffer, EV_WRITE is on until that has drained, and `drained()`
/// follows. So EV_WRITE is off for every peer that reads, which saves two `epoll_ctl` a delivery.
///
/// Closing is allowed anywhere, in its own callbacks too; afterwards no callback comes and every
/// other call is a programmer's mistake and traps, except `close()` and `backlog`.
open class Connection {
  /// How a connection ended by itself.
  public enum End: Equatable {
    case byPeer
    case failed(errno: Int32)
  }

  private let loop: EventLoop
  private var bufferevent: OpaquePointer?
  /// The socket, or −1 once closed.
  package private(set) var descriptor: Int32

  /// Adopts a connected, non-blocking socket and owns it. Nothing is read before `startReading()`.
  package init(on loop: EventLoop, adopting descriptor: Int32) {
    self.loop = loop
    self.descriptor = descriptor
    bufferevent = bufferevent_socket_new(
      loop.base, descriptor, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
    precondition(bufferevent != nil, "no memory for a connection")
    bufferevent_setcb(
      bufferevent,
      { _, context in Connection.from(context)?.received() },
      { _, context in Connection.from(context)?.outputEmptied() },
      { _, what, context in Connection.from(context)?.ended(Int32(what)) },
      Unmanaged.passUnretained(self).toOpaque())
    // Leftovers go out in as few calls as the kernel allows; the default is 16 KiB a turn.
    bufferevent_set_max_single_write(bufferevent, 256 << 10)
    bufferevent_disable(bufferevent, Int16(EV_WRITE))
  }

  /// A socket on its way to `address`, to be adopted. What is sent before it is connected waits; a
  /// refusal comes as `ended(.failed)`.
  package static func connecting(to address: SocketAddress) throws(SocketError) -> Int32 {
    try address.withSockaddr { (pointer, length) throws(SocketError) -> Int32 in
      let descriptor = SystemCalls.socket(family: address.family)
      guard descriptor >= 0 else {
        throw .system(call: "socket", code: errno, address: address)
      }
      guard connect(descriptor, pointer, length) == 0 || errno == EINPROGRESS else {
        let code = errno
        Listener.closeDescriptor(descriptor)
        throw .system(call: "connect", code: code, address: address)
      }
      return descriptor
    }
  }

  deinit { close() }

  // MARK: What a subclass answers

  /// Bytes have come. Take them with `withInput`.
  open func received() {}
  /// All that was left over has gone to the kernel.
  open func drained() {}
  /// The other side closed, or the socket failed. The connection is closed after this returns.
  open func ended(_ end: End) {}

  // MARK: Reading

  package func startReading() { bufferevent_enable(open, Int16(EV_READ)) }

  package func stopReading() { bufferevent_disable(open, Int16(EV_READ)) }

  /// Number of bytes received and not yet taken.
  package var inputCount: Int { evbuffer_get_length(bufferevent_get_input(open)) }

  /// What libevent reads at a time, in bytes (EVBUFFER_MAX_READ of libevent 2.1).
  package static let readSize = 4_096

  /// Reads once more in this turn, for a peer that has filled the last read: a burst that is taken
  /// in larger pieces costs its receivers fewer writes. The end of the stream or an error is left
  /// to the loop.
  /// - Returns: how many bytes have come, at most `readSize`.
  package func receiveMore() -> Int {
    let input = bufferevent_get_input(open)
    // A bufferevent keeps its input closed for everyone but itself.
    evbuffer_unfreeze(input, 0)
    defer { evbuffer_freeze(input, 0) }
    return max(0, Int(evbuffer_read(input, descriptor, Int32(Self.readSize))))
  }

  /// Calls `body` with the received bytes that lie in one piece, or with all of them moved into one
  /// piece (`whole`); it returns how many it took. The connection may be closed inside; then
  /// nothing is taken.
  package func withInput(whole: Bool, _ body: (UnsafeRawBufferPointer) -> Int) {
    let input = bufferevent_get_input(open)
    let count =
      whole ? evbuffer_get_length(input) : evbuffer_get_contiguous_space(input)
    guard count > 0, let start = evbuffer_pullup(input, count) else { return }
    let taken = body(UnsafeRawBufferPointer(start: start, count: count))
    if bufferevent != nil, taken > 0 { evbuffer_drain(input, taken) }
  }

  /// Throws away all that was received and not taken.
  package func discardInput() {
    let input = bufferevent_get_input(open)
    evbuffer_drain(input, evbuffer_get_length(input))
  }

  // MARK: Writing

  /// Bytes that were ever given to `send`.
  package private(set) var handedCount = 0

  /// Those of them that have not left this machine's buffers, the kernel's among them.
  package var unsentCount: Int {
    bufferevent == nil ? 0 : backlog + SystemCalls.unsentBytes(of: descriptor)
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
  package func send(_ bytes: UnsafeRawBufferPointer) -> SendOutcome {
    handedCount += bytes.count
    let output = bufferevent_get_output(open)
    guard evbuffer_get_length(output) == 0 else {
      keep(bytes, in: output)
      return .accepted(left: bytes.count)
    }
    let outcome = SystemCalls.send(descriptor, bytes)
    if case .accepted(let left) = outcome, left > 0 {
      keep(UnsafeRawBufferPointer(rebasing: bytes.suffix(left)), in: output)
    }
    return outcome
  }

  /// Sends several pieces in one write, behind everything sent before.
  package func send(_ pieces: UnsafeBufferPointer<iovec>) -> SendOutcome {
    for piece in pieces { handedCount += piece.iov_len }
    let output = bufferevent_get_output(open)
    var rest = pieces[...]
    var skipped = 0
    while evbuffer_get_length(output) == 0, !rest.isEmpty {
      let some = rest.prefix(SystemCalls.mostPieces)
      let outcome = SystemCalls.send(descriptor, UnsafeBufferPointer(rebasing: some))
      switch outcome {
      case .failed: return outcome
      case .accepted(let left):
        var count = some.reduce(0) { $0 + $1.iov_len } - left
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
      let bytes = UnsafeRawBufferPointer(start: piece.iov_base, count: piece.iov_len)
      keep(UnsafeRawBufferPointer(rebasing: bytes[skip...]), in: output)
      count += bytes.count - skip
      skip = 0
    }
    return count
  }

  private func keep(_ bytes: UnsafeRawBufferPointer, in output: OpaquePointer?) {
    if evbuffer_get_length(output) == 0 { bufferevent_enable(bufferevent, Int16(EV_WRITE)) }
    // What is added at once lies in one piece, and libevent rounds its size up to a power of two.
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.keptPiece))
      evbuffer_add(output, part.baseAddress, part.count)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Sends a line, its terminator included, before all lines of the backlog but the first, of which
  /// a part may have left.
  /// - Returns: how many bytes of the backlog it has overtaken.
  package func sendAhead(_ line: UnsafeRawBufferPointer) -> Int {
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
    evbuffer_add(first, line.baseAddress, line.count)
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

  /// Tells the other side that nothing more will come; reading goes on.
  package func shutdownWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes the socket and forgets what was not sent. Again: nothing.
  package func close() {
    guard let bufferevent else { return }
    self.bufferevent = nil
    descriptor = -1
    bufferevent_free(bufferevent)
  }

  package var isClosed: Bool { bufferevent == nil }

  // MARK: Handing over

  /// What was received and not taken, and what was sent and the kernel has not taken: all of it, in
  /// copies.
  package func copyBuffers() -> (input: [UInt8], output: [UInt8]) {
    (
      Self.copy(bufferevent_get_input(open), isFrontShut: false),
      Self.copy(bufferevent_get_output(open), isFrontShut: true)
    )
  }

  /// Puts back what `copyBuffers` of another process has returned. The output goes on leaving by
  /// itself.
  package func restoreBuffers(input: [UInt8], output: [UInt8]) {
    if !input.isEmpty {
      let buffer = bufferevent_get_input(open)
      // A bufferevent keeps its input closed for everyone but itself.
      evbuffer_unfreeze(buffer, 0)
      evbuffer_add(buffer, input, input.count)
      evbuffer_freeze(buffer, 0)
    }
    handedCount = output.count + SystemCalls.unsentBytes(of: descriptor)
    if !output.isEmpty {
      output.withUnsafeBytes { keep($0, in: bufferevent_get_output(open)) }
    }
  }

  /// All segments: `evbuffer_peek` and `evbuffer_get_contiguous_space` show the first one only.
  private static func copy(_ buffer: OpaquePointer?, isFrontShut: Bool) -> [UInt8] {
    let length = evbuffer_get_length(buffer)
    guard length > 0 else { return [] }
    // A bufferevent keeps the front of its output shut to everyone but itself: nothing would be
    // copied.
    if isFrontShut { evbuffer_unfreeze(buffer, 1) }
    defer { if isFrontShut { evbuffer_freeze(buffer, 1) } }
    return [UInt8](unsafeUninitializedCapacity: length) { bytes, count in
      count = evbuffer_copyout(buffer, bytes.baseAddress, length)
      precondition(count == length, "a buffer is copied whole")
    }
  }

  // MARK: From libevent

  private var open: OpaquePointer {
    guard let bufferevent else { preconditionFailure("a closed connection is used") }
    return bufferevent
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> Connection? {
    // Retained for the callback: the connection may be dropped inside it.
    context.map { Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
  }

  private func outputEmptied() {
    guard let bufferevent, backlog == 0 else { return }
    bufferevent_disable(bufferevent, Int16(EV_WRITE))
    drained()
  }

  private func ended(_ what: Int32) {
    guard what & (BEV_EVENT_EOF | BEV_EVENT_ERROR) != 0 else { return }
    ended(what & BEV_EVENT_ERROR != 0 ? .failed(errno: errno) : .byPeer)
    close()
  }
}
