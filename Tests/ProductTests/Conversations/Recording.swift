// A conversation that real clients had with a directory of another make, as it was recorded on the
// wire.

import Foundation

struct Recording {
  struct Event: Decodable {
    let conn: Int
    let way: String
    /// Nil: that side closes.
    let bytes: String?
  }

  /// What the peers did; what the recorded relay answered is not what ours is measured by.
  let events: [Event]

  init(_ name: String) throws {
    let lines = try Product.recording(name).split(separator: "\n")
    events = try lines.map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
      .filter { $0.way == "peer" }
  }

  init(events: [Event]) { self.events = events }

  /// The same with everything that a connection says in one piece, one connection after the other,
  /// and all closed at the end.
  var glued: Recording {
    let connections = Set(events.map(\.conn)).sorted()
    let said = connections.map { conn in
      var bytes = ""
      for event in events where event.conn == conn {
        guard let more = event.bytes else { continue }
        if more.contains("791"), bytes.contains(more) { continue }
        bytes += more
      }
      return Event(conn: conn, way: "peer", bytes: bytes)
    }
    return Recording(
      events: said + connections.map { Event(conn: $0, way: "peer", bytes: nil) })
  }

  /// The same with what a connection says in a row in one piece.
  ///
  /// In both a second request for a list is left out: it would be ignored or not, as the reads
  /// happen to fall.
  var coalesced: Recording {
    var out: [Event] = []
    for event in events {
      if let last = out.last, last.conn == event.conn, let more = event.bytes, let has = last.bytes
      {
        if more.contains("791"), has.contains(more) { continue }
        out[out.count - 1] = Event(conn: event.conn, way: "peer", bytes: has + more)
      } else {
        out.append(event)
      }
    }
    return Recording(events: out)
  }
}
