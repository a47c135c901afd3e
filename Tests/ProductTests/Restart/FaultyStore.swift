// A descriptor store that follows docs/fd-store.md, except for one fault.

import CLibevent
import Foundation
import Glibc
import TestSupport

final class FaultyStore {
  enum Fault: Sendable {
    /// It replaces the state image when it hands it out; an empty array: no image.
    case image(@Sendable ([UInt8]) -> [[UInt8]])
    /// It hands out the same image in unsealed memory.
    case unsealed
    /// It loses the first descriptor with this name.
    case lost(Character)
    /// It ends instead of answering this packet.
    case dies(at: Character)
    /// It handles this packet once without an answer.
    case silent(at: Character)
    /// It ignores this packet once. The file `waits` shows that the packet has arrived.
    case ignores(at: Character)
    /// It answers this packet when the file `go` exists beside its socket. The file `waits` shows
    /// that the packet has arrived.
    case slow(at: Character)
    /// It answers every packet with this text.
    case answers(String)
  }

  private typealias Held = [(name: UInt8, descriptor: Int32)]
  let path: String
  private let listener: OwnedDescriptor

  init(at path: String, _ fault: Fault) throws {
    self.path = path
    guard let listener = PacketSocket.listen(at: path) else {
      throw TestFailure("\(path): \(String(cString: strerror(errno)))")
    }
    let owned = OwnedDescriptor(listener)
    self.listener = owned
    // The thread keeps the socket open for as long as it may accept from it.
    Thread.detachNewThread {
      var held: Held = []
      var fault: Fault? = fault
      while true {
        let connection = accept(owned.number, nil, nil)
        // A relay that starts meanwhile must not inherit it and hold it open.
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        guard connection >= 0, Self.serve(PacketSocket(adopting: connection), &held, &fault, path)
        else { break }
      }
      for (_, descriptor) in held { close(descriptor) }
      // A connect from now on is refused.
      shutdown(owned.number, Int32(SHUT_RDWR))
    }
  }

  /// Closes what it holds. Does not wait for a fetch in progress.
  func end() { shutdown(listener.number, Int32(SHUT_RDWR)) }

  deinit { end() }

  /// - Returns: false if the store must end.
  private static func serve(
    _ relay: PacketSocket, _ held: inout Held, _ fault: inout Fault?, _ path: String
  ) -> Bool {
    var put: Held = []
    var rest: Held = []
    while case .packet(let packet, let descriptors) = relay.receive(within: 60) {
      let type = Character(UnicodeScalar(packet[0]))
      if case .dies(type) = fault {
        // Closed before the connection, so that the relay does not find a listener that is about to
        // close.
        for descriptor in descriptors + (put + held).map(\.descriptor) { close(descriptor) }
        held = []
        return false
      }
      if case .ignores(type) = fault {
        fault = nil
        for descriptor in descriptors { close(descriptor) }
        _ = FileManager.default.createFile(atPath: path + ".waits", contents: nil)
        continue
      }
      if case .answers(let text) = fault {
        for descriptor in descriptors { close(descriptor) }
        relay.send(Array(text.utf8))
        continue
      }
      var answer = StoreClient.ok
      var answered: Held = []
      switch type {
      case "P": put = []
      case "B": put += zip(packet.dropFirst(), descriptors).map { ($0, $1) }
      case "C": held = put
      case "F":
        rest = changed(held, by: fault)
        answer = StoreClient.number(rest.count)
      case "K":
        answered = Array(rest.prefix(250))
        rest.removeFirst(answered.count)
        answer = [UInt8(ascii: "B")] + answered.map(\.name)
      case "D":
        for (_, descriptor) in held { close(descriptor) }
        held = []
      default: return false
      }
      switch fault {
      case .silent(type):
        fault = nil
        continue
      case .slow(type):
        _ = FileManager.default.createFile(atPath: path + ".waits", contents: nil)
        try? eventually("it may go on", within: 60) {
          FileManager.default.fileExists(atPath: path + ".go")
        }
      default: break
      }
      relay.send(answer, answered.map(\.descriptor))
    }
    return true
  }

  private static func changed(_ held: Held, by fault: Fault?) -> Held {
    var result = held
    switch fault {
    case .image(let change):
      for (place, (name, descriptor)) in held.enumerated() where name == UInt8(ascii: "i") {
        result.remove(at: place)
        result += change(bytes(of: descriptor)).map { (name, memory($0, isSealed: true)) }
      }
    case .unsealed:
      for (place, (name, descriptor)) in held.enumerated() where name == UInt8(ascii: "i") {
        result[place].descriptor = memory(bytes(of: descriptor), isSealed: false)
      }
    case .lost(let name):
      if let place = held.firstIndex(where: { $0.name == name.asciiValue }) {
        result.remove(at: place)
      }
    case .dies, .silent, .ignores, .slow, .answers, nil: break
    }
    return result
  }

  private static func bytes(of memory: Int32) -> [UInt8] {
    var status = stat()
    fstat(memory, &status)
    return [UInt8](unsafeUninitializedCapacity: Int(status.st_size)) { buffer, count in
      count = max(0, pread(memory, buffer.baseAddress, buffer.count, 0))
    }
  }

  private static func memory(_ bytes: [UInt8], isSealed: Bool) -> Int32 {
    let descriptor = shim_sealable_memory("test-image")
    _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if isSealed { _ = shim_seal(descriptor) }
    return descriptor
  }
}
