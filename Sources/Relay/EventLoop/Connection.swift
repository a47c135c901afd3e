import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A connected stream socket over a libevent bufferevent. A subclass handles its events: one object
/// a peer instead of two (promises.md, memory per peer). The class is `open`, because Swift
/// requires it for subclasses in other modules.
///
/// Reading: libevent reads at most 4,096 bytes a turn into the input buffer and `received()` takes
/// them from `withInput`. Writing: `send` gives the bytes to the kernel at once; what it does not
/// take is copied into the output buffer, EV_WRITE is on until that has drained, and `drained()`
/// follows. So EV_WRITE is off for every peer that reads, which saves two `epoll_ctl` a delivery.
///
/// `close()` may be called anywhere, also in its own callbacks. After it there are no callbacks,
/// and every call but `close()` and `backlog` traps.
///
/// Safe: the bufferevent lives until `close`, which sets it to nil, and `open` traps afterwards.
/// libevent holds this object unretained and calls it no more once `close`, which `deinit` calls
/// too, has freed the bufferevent. It keeps no other pointer of ours.
@safe
open class Connection {
  /// How a connection ended without `close()`.
  public enum End: Equatable {
    case byPeer
    case failed(errno: Int32)
  }

  private let loop: EventLoop
  private(set) var bufferevent: OpaquePointer?
  /// The number of the socket, or −1 once closed.
  package private(set) var descriptor: Int32
  /// All bytes that were ever given to `send`.
  package internal(set) var handedCount = 0

  /// Owns a connected, non-blocking socket. Nothing is read before `startReading()`.
  package init(on loop: EventLoop, adopting socket: consuming Descriptor) {
    self.loop = loop
    // libevent closes it: in its own callbacks it keeps the bufferevent longer than this object.
    descriptor = socket.release()
    unsafe bufferevent = bufferevent_socket_new(
      loop.base, descriptor, Int32(BEV_OPT_CLOSE_ON_FREE.rawValue))
    unsafe precondition(bufferevent != nil, "no memory for a connection")
    unsafe bufferevent_setcb(
      bufferevent,
      { _, context in unsafe Connection.from(context)?.received() },
      { _, context in unsafe Connection.from(context)?.outputEmptied() },
      { _, what, context in unsafe Connection.from(context)?.ended(Int32(what)) },
      Unmanaged.passUnretained(self).toOpaque())
    // Leftovers go out in as few calls as the kernel allows; the default is 16 KiB a turn.
    unsafe bufferevent_set_max_single_write(bufferevent, 256 << 10)
    unsafe bufferevent_disable(bufferevent, Int16(EV_WRITE))
  }

  deinit { close() }

  // MARK: Events for a subclass

  /// Called when bytes were received. Read them with `withInput`.
  open func received() {}
  /// Called when the kernel has taken the whole backlog.
  open func drained() {}
  /// Called when the other side closed or the socket failed. The connection is closed after this
  /// returns.
  open func ended(_ end: End) {}

  // MARK: Reading

  package func startReading() { unsafe bufferevent_enable(open, Int16(EV_READ)) }

  package func stopReading() { unsafe bufferevent_disable(open, Int16(EV_READ)) }

  /// The number of received bytes that were not taken yet.
  package var inputCount: Int { unsafe evbuffer_get_length(bufferevent_get_input(open)) }

  /// The bytes that libevent reads at once (EVBUFFER_MAX_READ of libevent 2.1).
  package static let readSize = 4_096

  /// Reads once more in this turn, for a peer that has filled the last read: a burst in larger
  /// pieces costs its receivers fewer writes. The loop handles the end of the stream and errors.
  /// - Returns: the number of bytes read, at most `readSize`.
  package func receiveMore() -> Int {
    let input = unsafe bufferevent_get_input(open)
    // A bufferevent freezes the end of its input.
    unsafe evbuffer_unfreeze(input, 0)
    defer { unsafe evbuffer_freeze(input, 0) }
    return unsafe max(0, Int(evbuffer_read(input, descriptor, Int32(Self.readSize))))
  }

  /// Calls `body` with the first contiguous received bytes, or with all of them made contiguous
  /// (`whole`). `body` returns how many it took. It may close the connection; then nothing is
  /// taken.
  package func withInput(whole: Bool, _ body: (ByteView) -> Int) {
    let input = unsafe bufferevent_get_input(open)
    let count =
      unsafe whole ? evbuffer_get_length(input) : evbuffer_get_contiguous_space(input)
    guard count > 0, let start = unsafe evbuffer_pullup(input, count) else { return }
    let taken = unsafe body(ByteView(UnsafeRawBufferPointer(start: start, count: count)))
    if unsafe bufferevent != nil, taken > 0 { unsafe evbuffer_drain(input, taken) }
  }

  /// Discards all received bytes that were not taken.
  package func discardInput() {
    let input = unsafe bufferevent_get_input(open)
    unsafe evbuffer_drain(input, evbuffer_get_length(input))
  }

  // MARK: Ending

  /// Tells the other side that no more bytes will follow. Reading continues.
  package func shutdownWriting() { SocketCalls.shutdownWriting(descriptor) }

  /// Closes the socket and discards the backlog. A second call does nothing.
  package func close() {
    guard let bufferevent = unsafe bufferevent else { return }
    unsafe self.bufferevent = nil
    descriptor = -1
    unsafe bufferevent_free(bufferevent)
  }

  package var isClosed: Bool { unsafe bufferevent == nil }

  // MARK: Callbacks of libevent

  var open: OpaquePointer {
    guard let bufferevent = unsafe bufferevent else {
      preconditionFailure("a closed connection is used")
    }
    return unsafe bufferevent
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> Connection? {
    // Retained for the callback: the connection may be dropped inside it.
    unsafe context.map { unsafe Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
  }

  private func outputEmptied() {
    guard let bufferevent = unsafe bufferevent, backlog == 0 else { return }
    unsafe bufferevent_disable(bufferevent, Int16(EV_WRITE))
    drained()
  }

  private func ended(_ what: Int32) {
    guard what & (BEV_EVENT_EOF | BEV_EVENT_ERROR) != 0 else { return }
    ended(what & BEV_EVENT_ERROR != 0 ? .failed(errno: errno) : .byPeer)
    close()
  }
}
