import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Speaks to jm-fd-store (docs/fd-store.md).
package final class FDStoreClient: DescriptorStore {
  private let path: String
  private var socket: Int32 = -1
  private var deadline = Instant(nanoseconds: 0)

  package init(at path: String) { self.path = path }

  deinit { hangUp() }

  package func put(_ descriptors: [StoredDescriptor]) throws(StoreFault) {
    defer { hangUp() }
    try connect()
    try expectOK(to: [UInt8(ascii: "P"), Self.version])
    var rest = descriptors[...]
    while !rest.isEmpty {
      let batch = rest.prefix(DescriptorMessages.most)
      rest = rest.dropFirst(batch.count)
      try expectOK(
        to: [UInt8(ascii: "B")] + batch.map(\.kind.rawValue), batch.map(\.descriptor))
    }
    let commit =
      [UInt8(ascii: "C")]
      + withUnsafeBytes(
        of: UInt32(descriptors.count).littleEndian, Array.init)
    guard DescriptorMessages.send(commit, [], on: socket) else { throw fault("does not take it") }
    guard let answer = DescriptorMessages.receive(on: socket) else {
      throw StoreFault("\(path): has not confirmed what it was given", isUncertain: true)
    }
    try check(answer)
    try expectOK(answer)
  }

  package func fetch() throws(StoreFault) -> [StoredDescriptor] {
    do throws(StoreFault) {
      try connect()
      let fetched = try fetchAll()
      // Nobody confirms nothing, and the next relay waits for the end of this conversation.
      if fetched.isEmpty { hangUp() }
      return fetched
    } catch {
      hangUp()
      throw error
    }
  }

  private func fetchAll() throws(StoreFault) -> [StoredDescriptor] {
    let answer = try ask([UInt8(ascii: "F"), Self.version])
    guard answer.bytes.count == 5, answer.bytes[0] == UInt8(ascii: "N") else {
      throw fault("does not say what it holds")
    }
    let count = answer.bytes[1...].reversed().reduce(0) { $0 << 8 | Int($1) }
    var fetched: [StoredDescriptor] = []
    while fetched.count < count {
      do throws(StoreFault) {
        let batch = try ask([UInt8(ascii: "K")])
        let names = batch.bytes.dropFirst()
        for (name, descriptor) in zip(names, batch.descriptors) {
          guard let kind = StoredDescriptor.Kind(rawValue: name) else {
            evutil_closesocket(descriptor)
            continue
          }
          fetched.append(StoredDescriptor(kind, descriptor))
        }
        guard batch.bytes[0] == UInt8(ascii: "B"), !names.isEmpty,
          names.count == batch.descriptors.count
        else { throw fault("sends what is no batch") }
      } catch {
        StoredDescriptor.end(fetched)
        throw error
      }
    }
    return fetched
  }

  package func confirm() throws(StoreFault) {
    defer { hangUp() }
    guard socket >= 0 else { return }
    try expectOK(to: [UInt8(ascii: "D")])
  }

  // MARK: The conversation

  private static let version: UInt8 = 1

  private func connect() throws(StoreFault) {
    hangUp()
    deadline = Clock.monotonic + Self.timeout
    #if os(Linux)
      let type = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
      socket = Glibc.socket(AF_UNIX, type, 0)
      let address = SocketAddress.unix(path: path)
      DescriptorMessages.setTimeout(Self.answerTimeout, of: socket)
      let status: Int32
      do throws(SocketError) {
        status = try address.withSockaddr { (pointer, length) throws(SocketError) -> Int32 in
          // A signal interrupts it: its time is limited (signal(7)).
          var status = Glibc.connect(socket, pointer, length)
          while status < 0, errno == EINTR { status = Glibc.connect(socket, pointer, length) }
          return status
        }
      } catch { throw StoreFault("\(error)") }
      guard status == 0 else { throw fault(String(cString: strerror(errno))) }
    #else
      throw fault("there is no descriptor store on this system")
    #endif
  }

  private func hangUp() {
    if socket >= 0 { evutil_closesocket(socket) }
    socket = -1
  }

  private func ask(
    _ packet: [UInt8], _ descriptors: [Int32] = []
  ) throws(StoreFault) -> (bytes: [UInt8], descriptors: [Int32]) {
    guard Clock.monotonic < deadline else {
      throw fault("takes longer than \(Self.timeout.seconds) s")
    }
    guard DescriptorMessages.send(packet, descriptors, on: socket) else {
      throw fault("does not take a packet: \(String(cString: strerror(errno)))")
    }
    guard let answer = DescriptorMessages.receive(on: socket) else {
      throw fault("does not answer")
    }
    try check(answer)
    return answer
  }

  /// - Throws: for an `E`, with its text.
  private func check(_ answer: (bytes: [UInt8], descriptors: [Int32])) throws(StoreFault) {
    guard answer.bytes[0] == UInt8(ascii: "E") else { return }
    StoredDescriptor.close(answer.descriptors)
    throw fault("refuses: \(String(decoding: answer.bytes.dropFirst(), as: UTF8.self))")
  }

  private func expectOK(
    to packet: [UInt8], _ descriptors: [Int32] = []
  ) throws(StoreFault) {
    try expectOK(try ask(packet, descriptors))
  }

  private func expectOK(
    _ answer: (bytes: [UInt8], descriptors: [Int32])
  ) throws(StoreFault) {
    StoredDescriptor.close(answer.descriptors)
    guard answer.bytes == [UInt8(ascii: "K")] else { throw fault("answers what is no `K`") }
  }

  private func fault(_ reason: String) -> StoreFault { StoreFault("\(path): \(reason)") }
}
