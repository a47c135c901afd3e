// What answers at TOR_CONTROL in place of Tor.

import Synchronization

/// Remembers what it was sent.
struct FakeTor {
  private let record = Record()
  let server: CannedServer

  init(_ answer: @escaping @Sendable (String) -> String) throws {
    server = try CannedServer { [record] bytes in
      String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").map { line in
        record.append(String(line))
        return .text(answer(String(line)))
      }
    }
  }

  var received: [String] { record.all }

  private final class Record: Sendable {
    private let lines = Mutex<[String]>([])
    func append(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }
}
