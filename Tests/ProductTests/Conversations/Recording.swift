// A conversation between real clients and another implementation's directory, recorded on the wire.

import Foundation

struct Recording {
  struct Event: Decodable {
    let conn: Int
    let way: String
    /// Nil when that side closes.
    let bytes: String?
  }

  /// What the peers sent. The answers of the recorded directory are not used.
  let events: [Event]

  init(_ name: String) throws {
    let lines = try Product.recording(name).split(separator: "\n")
    events = try lines.map { try JSONDecoder().decode(Event.self, from: Data($0.utf8)) }
      .filter { $0.way == "peer" }
  }

  init(events: [Event]) { self.events = events }

  /// The same recording, with all bytes of a connection in one write, one connection after the
  /// other. All close at the end.
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

  /// The same recording, with consecutive frames of a connection in one write.
  ///
  /// Both variants leave out a second peerlist request, because the timing of the reads would
  /// decide whether it is ignored.
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
