/// The report of `peers`: connections by circuit, the most costly first.

import FoundationEssentials
import Units

struct PeersReport {
  /// The text from the relay.
  struct Connection: Codable, Equatable {
    var connection: String
    var nick: String?
    var listener: String
    var circuit: UInt32?
    var state: String
    var age: Double
    var frames: Int
    var publicLines: Int
    var publicBytes: Int
    var orderbookRequests: Int
    var deliveries: Int
    var backlog: Int

    enum CodingKeys: String, CodingKey {
      case connection, nick, listener, circuit, state, age, frames, deliveries, backlog
      case publicLines = "public_lines"
      case publicBytes = "public_bytes"
      case orderbookRequests = "orderbook_requests"
    }
  }

  /// The connections of one circuit, or one connection whose circuit is unknown.
  struct Group: Encodable, Equatable {
    var listener: String
    var circuit: UInt32?
    /// The sums of all its connections.
    var frames = 0
    var publicLines = 0
    var publicBytes = 0
    var orderbookRequests = 0
    var deliveries = 0
    var backlog = 0
    /// The oldest first.
    var connections: [Connection] = []

    enum CodingKeys: String, CodingKey {
      case listener, circuit, frames, deliveries, backlog, connections
      case publicLines = "public_lines"
      case publicBytes = "public_bytes"
      case orderbookRequests = "orderbook_requests"
    }

    mutating func add(_ connection: Connection) {
      frames = Self.sum(frames, connection.frames)
      publicLines = Self.sum(publicLines, connection.publicLines)
      publicBytes = Self.sum(publicBytes, connection.publicBytes)
      orderbookRequests = Self.sum(orderbookRequests, connection.orderbookRequests)
      deliveries = Self.sum(deliveries, connection.deliveries)
      backlog = Self.sum(backlog, connection.backlog)
      connections.append(connection)
    }

    /// The values from the socket may be anything.
    private static func sum(_ a: Int, _ b: Int) -> Int {
      let (sum, overflow) = a.addingReportingOverflow(b)
      return overflow ? .max : sum
    }
  }

  private struct Key: Hashable {
    let listener: String
    let circuit: UInt32?
    let connection: String?
  }

  let groups: [Group]

  init(_ connections: [Connection]) {
    var groups: [Key: Group] = [:]
    for connection in connections.sorted(by: {
      $0.age != $1.age ? $0.age > $1.age : $0.connection < $1.connection
    }) {
      let key = Key(
        listener: connection.listener, circuit: connection.circuit,
        connection: connection.circuit == nil ? connection.connection : nil)
      groups[
        key, default: Group(listener: connection.listener, circuit: connection.circuit)
      ].add(connection)
    }
    // Sorts by copies sent to others, then by bytes held, then by bytes read.
    self.groups = groups.values.sorted { a, b in
      let left = (a.deliveries, a.backlog, a.frames, b.name)
      let right = (b.deliveries, b.backlog, b.frames, a.name)
      return left > right
    }
  }

  var json: String {
    struct Document: Encodable { let circuits: [Group] }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let bytes = (try? encoder.encode(Document(circuits: groups))) ?? Data()
    return String(decoding: bytes, as: UTF8.self)
  }

  /// - Parameter count: the groups that are shown; `nil` is all.
  func lines(first count: Int?) -> [String] {
    let shown = groups.prefix(count ?? groups.count)
    let table =
      [
        [
          "CIRCUIT", "CONNECTIONS", "OLDEST", "YOUNGEST", "FRAMES", "PUBLIC", "BYTES",
          "ORDERBOOKS", "DELIVERIES", "BACKLOG", "NICKS",
        ]
      ] + shown.map(\.cells)
    let widths = (table.first ?? []).indices.map { column in
      table.map { $0[column].count }.max() ?? 0
    }
    var lines = table.map { cells in
      var line = ""
      for (column, cell) in cells.enumerated() {
        let fill = String(repeating: " ", count: widths[column] - cell.count)
        // Names to the left, numbers to the right.
        let isName = column == 0 || column == cells.count - 1
        line += (column == 0 ? "" : "  ") + (isName ? cell + fill : fill + cell)
      }
      return String(line.reversed().drop { $0 == " " }.reversed())
    }
    if shown.count < groups.count { lines.append("and \(groups.count - shown.count) more") }
    return lines
  }
}

extension PeersReport.Group {
  /// The argument of `close --circuit`; only the listener for a connection without a circuit.
  var name: String { listener + (circuit.map { ":\($0)" } ?? "") }

  private static let nicksShown = 3

  fileprivate var cells: [String] {
    let nicks = connections.compactMap(\.nick)
    let rest = nicks.count - Self.nicksShown
    let names =
      nicks.prefix(Self.nicksShown).joined(separator: " ") + (rest > 0 ? " and \(rest) more" : "")
    let counts = [frames, publicLines, publicBytes, orderbookRequests, deliveries, backlog]
    return [
      name.escapedForOneLine, "\(connections.count)", Self.age(connections.first),
      Self.age(connections.last),
    ] + counts.map(String.init) + [names.escapedForOneLine]
  }

  /// `1:02:03`.
  private static func age(_ connection: PeersReport.Connection?) -> String {
    let seconds = Int(min(max(connection?.age ?? 0, 0), 1e9))
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
    return "\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
  }
}
