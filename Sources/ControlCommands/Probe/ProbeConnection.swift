import EventLoop
/// The probe's connection. It limits the length of a line, the sum of all lines, and the time.
import FoundationEssentials
import Wire

/// One message of a directory.
struct ReceivedFrame: Decodable, Equatable {
  let type: Int
  let line: String
}

final class ProbeConnection {
  enum Failure: Error, Equatable {
    case socket(ClientSocket.Failure)
    /// The other side has closed.
    case closed
    /// A line, or the sum of all lines, is longer than any directory sends.
    case tooMuch
    /// A line that is no frame, with its beginning.
    case notAFrame(String)
  }

  /// Bytes. Four times what the most generous setting of another directory's operator is likely
  /// to allow; a peerlist frame has about 4 KiB.
  static let longestLine = 1 << 20
  /// Bytes of one probe: a list of 100,000 makers has about 15 MB.
  static let mostBytes = 64 << 20

  private let socket: ClientSocket
  private var buffer: [UInt8] = []
  private var start = 0
  /// Up to here `buffer` has no line feed.
  private var scanned = 0
  private var received = 0

  init(to address: SocketAddress, before deadline: ClientSocket.Deadline) throws(Failure) {
    do throws(ClientSocket.Failure) {
      socket = try ClientSocket(to: address, before: deadline)
    } catch { throw .socket(error) }
  }

  func send(_ bytes: [UInt8], before deadline: ClientSocket.Deadline) throws(Failure) {
    do throws(ClientSocket.Failure) {
      try socket.send(bytes, before: deadline)
    } catch { throw .socket(error) }
  }

  func send(_ type: MessageType, _ line: String, before deadline: ClientSocket.Deadline)
    throws(Failure)
  {
    var frame: [UInt8] = []
    Frame.append(type, line, to: &frame)
    try send(frame, before: deadline)
  }

  /// Reads exactly `count` bytes.
  func take(_ count: Int, before deadline: ClientSocket.Deadline) throws(Failure) -> [UInt8] {
    while buffer.count - start < count { try fill(before: deadline) }
    defer { start += count }
    return Array(buffer[start..<start + count])
  }

  /// Reads the next line that is not empty, as a frame.
  func frame(before deadline: ClientSocket.Deadline) throws(Failure) -> ReceivedFrame {
    while true {
      let line = try line(before: deadline)
      if line.isEmpty { continue }
      guard let frame = try? JSONDecoder().decode(ReceivedFrame.self, from: Data(line)) else {
        throw .notAFrame(Self.beginning(of: line))
      }
      return frame
    }
  }

  /// The received part of a line without an end.
  var unfinished: String { Self.beginning(of: Array(buffer[start...])) }

  private func line(before deadline: ClientSocket.Deadline) throws(Failure) -> [UInt8] {
    while true {
      scanned = max(scanned, start)
      if let end = buffer[scanned...].firstIndex(of: UInt8(ascii: "\n")) {
        defer { start = end + 1 }
        let line = buffer[start..<end]
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
      }
      scanned = buffer.count
      guard buffer.count - start <= Self.longestLine else { throw .tooMuch }
      try fill(before: deadline)
    }
  }

  private func fill(before deadline: ClientSocket.Deadline) throws(Failure) {
    if start > 0 {
      buffer.removeFirst(start)
      scanned = max(0, scanned - start)
      start = 0
    }
    let bytes: [UInt8]
    do throws(ClientSocket.Failure) {
      bytes = try socket.receive(before: deadline)
    } catch { throw .socket(error) }
    if bytes.isEmpty { throw .closed }
    received += bytes.count
    guard received <= Self.mostBytes else { throw .tooMuch }
    buffer += bytes
  }

  private static func beginning(of line: [UInt8]) -> String {
    String(decoding: line.prefix(60), as: UTF8.self) + (line.count > 60 ? "…" : "")
  }
}
