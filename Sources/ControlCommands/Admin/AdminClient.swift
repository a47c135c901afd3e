/// A client of the relay's admin socket. It sends one line and reads until the relay closes.

import EventLoop
import FoundationEssentials
import Units

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

struct AdminClient {
  enum Failure: Error, Equatable {
    case socket(ClientSocket.Failure)
    /// The relay's own error text.
    case refused(String)
    case cutShort
  }

  let path: String
  let timeout: Duration

  private struct Refusal: Decodable { let error: String }
  private struct Closed: Decodable { let closed: Int }
  private struct End: Decodable { let connections: Int }

  /// Returns all connections, in no order.
  func peers() throws(Failure) -> [PeersReport.Connection] {
    let lines = try ask("peers")
    let decoder = JSONDecoder()
    let rows = lines.dropLast().compactMap {
      try? decoder.decode(PeersReport.Connection.self, from: $0)
    }
    guard let last = lines.last, let end = try? decoder.decode(End.self, from: last),
      end.connections == rows.count
    else { throw .cutShort }
    return rows
  }

  /// - Parameter target: `circuit ID`, `circuit LISTENER:ID` or `nick NICK`.
  /// - Returns: the number of closed connections.
  func close(_ target: String) throws(Failure) -> Int {
    let lines = try ask("close \(target)")
    guard let line = lines.last, let reply = try? JSONDecoder().decode(Closed.self, from: line)
    else { throw .cutShort }
    return reply.closed
  }

  private func ask(_ line: String) throws(Failure) -> [Data] {
    var reply: [UInt8] = []
    do throws(ClientSocket.Failure) {
      let deadline = ClientSocket.Deadline(after: timeout)
      let socket = try ClientSocket(to: .unix(path: path), before: deadline)
      // A relay that refuses closes without reading. Its answer can still be read.
      try? socket.send(Array("\(line)\n".utf8), before: deadline)
      while true {
        let chunk = try socket.receive(before: deadline)
        reply += chunk
        if chunk.isEmpty { break }
        if reply.count > StatusClient.largestReply { throw .tooLarge }
      }
    } catch {
      if case .lost = error, !reply.isEmpty {} else { throw .socket(error) }
    }
    let lines = reply.split(separator: UInt8(ascii: "\n")).map { Data($0) }
    if let first = lines.first, let refusal = try? JSONDecoder().decode(Refusal.self, from: first) {
      throw .refused(refusal.error)
    }
    return lines
  }
}

extension AdminClient.Failure {
  /// What happened and what to do.
  func description(at path: String) -> String {
    let place = path.escapedForOneLine
    return switch self {
    case .socket(.badPath): "\(place) is too long for a socket path"
    case .socket(.notConnected(EACCES)):
      "\(place): only the relay's own user and root may connect"
    case .socket(.notConnected(let code)), .socket(.lost(let code)):
      "nothing answers at \(place) (\(Errno(code))); "
        + "is the relay running with this ADMIN_SOCKET?"
    case .socket(.timedOut): "\(place) does not answer in time; the relay may be stalled"
    case .socket(.tooLarge): "\(place) answers too much; is it the relay?"
    case .socket(.unknownHost), .cutShort: "\(place) gives no whole answer; is it the relay?"
    case .refused(let words): "refused: \(words.escapedForOneLine)"
    }
  }
}
