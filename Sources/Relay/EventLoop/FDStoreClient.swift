import CLibevent
import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A client of jm-fd-store (docs/fd-store.md).
package final class FDStoreClient: DescriptorStore {
  private let path: String
  /// From `fetch` to `confirm`.
  private var conversation: Conversation?

  package init(at path: String) { self.path = path }

  package func put(_ descriptors: [LentDescriptor]) throws(StoreFault) {
    var conversation = try Conversation(with: path)
    try conversation.expectOK(to: [UInt8(ascii: "P"), Conversation.version])
    var rest = descriptors[...]
    while !rest.isEmpty {
      let batch = rest.prefix(DescriptorMessages.most)
      rest = rest.dropFirst(batch.count)
      try conversation.expectOK(
        to: [UInt8(ascii: "B")] + batch.map(\.kind.rawValue), batch.map(\.number))
    }
    let count = (0..<4).map { UInt8(truncatingIfNeeded: descriptors.count >> (8 * $0)) }
    try conversation.commit([UInt8(ascii: "C")] + count)
  }

  package func fetch() throws(StoreFault) -> [StoredDescriptor] {
    self.conversation = nil
    var conversation = try Conversation(with: path)
    let fetched = try conversation.fetchAll()
    // There is nothing to confirm, and the next relay waits for the end of this conversation.
    if !fetched.isEmpty { self.conversation = .some(consume conversation) }
    return fetched
  }

  package func confirm() throws(StoreFault) {
    guard var conversation = conversation.take() else { return }
    try conversation.expectOK(to: [UInt8(ascii: "D")])
  }
}

/// A connection to the store, from the first packet to the last. It ends with this value.
private struct Conversation: ~Copyable {
  static let version: UInt8 = 1

  private let path: String
  private let socket: Descriptor
  private var time = StoreTime()

  init(with path: String) throws(StoreFault) {
    #if os(Linux)
      guard
        let socket = Descriptor.messageSocket(
          isConnected: true, timeout: FDStoreClient.answerTimeout)
      else { throw Self.fault(path, "\(Errno(errno))") }
      let place: KernelAddress
      do throws(SocketError) { place = try KernelAddress(.unix(path: path)) } catch {
        throw StoreFault("\(error)")
      }
      // A signal interrupts a call with a timeout (signal(7)).
      var code = socket.connect(to: place)
      while code == EINTR { code = socket.connect(to: place) }
      if let code { throw Self.fault(path, "\(Errno(code))") }
      self.path = path
      self.socket = socket
    #else
      throw Self.fault(path, "there is no descriptor store on this system")
    #endif
  }

  mutating func fetchAll() throws(StoreFault) -> [StoredDescriptor] {
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
          guard let kind = StoredKind(rawValue: name) else { continue }
          fetched.append(StoredDescriptor(kind, descriptor))
        }
        guard batch.bytes[0] == UInt8(ascii: "B"), !names.isEmpty,
          names.count == batch.descriptors.count
        else { throw fault("sends what is no batch") }
      } catch {
        for stored in fetched { stored.end() }
        throw error
      }
    }
    return fetched
  }

  /// - Throws: an uncertain fault when the store may have taken it and does not say so.
  func commit(_ packet: [UInt8]) throws(StoreFault) {
    guard DescriptorMessages.send(packet, [], on: socket) else { throw fault("does not take it") }
    guard let answer = DescriptorMessages.receive(on: socket) else {
      throw StoreFault("\(path): has not confirmed what it was given", isUncertain: true)
    }
    try check(answer)
    try expectOK(answer)
  }

  mutating func expectOK(to packet: [UInt8], _ descriptors: [Int32] = []) throws(StoreFault) {
    try expectOK(try ask(packet, descriptors))
  }

  private func expectOK(_ answer: DescriptorMessages.Message) throws(StoreFault) {
    guard answer.bytes == [UInt8(ascii: "K")] else { throw fault("answers what is no `K`") }
  }

  private mutating func ask(
    _ packet: [UInt8], _ descriptors: [Int32] = []
  ) throws(StoreFault) -> DescriptorMessages.Message {
    guard !time.isOver else {
      throw fault("takes longer than \(FDStoreClient.timeout.seconds) s")
    }
    let began = Clock.monotonic
    defer { time.add(since: began) }
    guard DescriptorMessages.send(packet, descriptors, on: socket) else {
      throw fault("does not take a packet: \(Errno(errno))")
    }
    guard let answer = DescriptorMessages.receive(on: socket) else {
      throw fault("does not answer")
    }
    try check(answer)
    return answer
  }

  /// - Throws: for an `E`, with its text.
  private func check(_ answer: DescriptorMessages.Message) throws(StoreFault) {
    guard answer.bytes[0] == UInt8(ascii: "E") else { return }
    throw fault("refuses: \(String(decoding: answer.bytes.dropFirst(), as: UTF8.self))")
  }

  private func fault(_ reason: String) -> StoreFault { Self.fault(path, reason) }

  private static func fault(_ path: String, _ reason: String) -> StoreFault {
    StoreFault("\(path): \(reason)")
  }
}
