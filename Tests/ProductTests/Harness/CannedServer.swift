// A server with fixed answers: recorded directories of other implementations, and hostile ones.

import Foundation
import Glibc

/// Serves one connection after the other until it is released.
final class CannedServer {
  enum Reply {
    case send([UInt8])
    /// The same bytes again and again until the other side closes.
    case endless([UInt8])
    case close

    static func text(_ text: String) -> Reply { .send(Array(text.utf8)) }
  }

  private let listening: ListeningSocket
  var port: UInt16 { listening.port }

  /// - Parameters:
  ///   - greeting: what is sent before the first input.
  ///   - answer: returns the replies to a received chunk.
  init(greeting: [Reply] = [], answer: @escaping @Sendable ([UInt8]) -> [Reply]) throws {
    listening = try ListeningSocket()
    // The thread holds the socket, so that it stays open while accept(2) may use it.
    Thread.detachNewThread { [listening] in
      while true {
        let connection = accept(listening.descriptor, nil, nil)
        guard connection >= 0 else { return }
        Self.serve(connection, greeting, answer)
        close(connection)
      }
    }
  }

  /// A directory that answers each message by its type.
  convenience init(directory answers: [Int: [Reply]]) throws {
    try self.init { bytes in
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
      return lines.flatMap { line -> [Reply] in
        let message = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return (message?["type"] as? Int).flatMap { answers[$0] } ?? []
      }
    }
  }

  /// Makes the thread's accept(2) return, which ends the thread.
  deinit { shutdown(listening.descriptor, Int32(SHUT_RDWR)) }

  private static func serve(
    _ connection: Int32, _ greeting: [Reply], _ answer: ([UInt8]) -> [Reply]
  ) {
    guard perform(greeting, on: connection) else { return }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0, perform(answer(Array(buffer[..<count])), on: connection) else { return }
    }
  }

  /// Returns false when the connection has ended.
  private static func perform(_ replies: [Reply], on connection: Int32) -> Bool {
    for reply in replies {
      switch reply {
      case .send(let bytes): guard send(bytes, on: connection) else { return false }
      case .endless(let bytes): while send(bytes, on: connection) {}
      case .close: return false
      }
    }
    return true
  }

  private static func send(_ bytes: [UInt8], on connection: Int32) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }
}
