// The line of a PUBMSG or PRIVMSG, `from!to!command …`, and the commands of a public one. They are
// read from the escaped line: separators are never escaped in canonical form.

import Units

package struct RoutingLine {
  package let from: ByteView
  package let to: ByteView
  /// The text after the second `!`; never empty.
  package let command: ByteView

  /// - Parameter line: the line of a `Frame`. Nil without a second `!` or with nothing behind it.
  package init?(line: ByteView) {
    let mark = UInt8(ascii: "!")
    guard let first = line.firstOffset(of: mark),
      let second = line.firstOffset(of: mark, from: first + 1), second + 1 < line.count
    else { return nil }
    from = line.part(0..<first)
    to = line.part(first + 1..<second)
    command = line.part(second + 1..<line.count)
  }

  package var isPublic: Bool { to.isEqual(to: "PUBLIC") }
}

/// One command of a public line, as far as the relay reads it. The slices refer to the line.
package enum PublicCommand {
  case offer(id: ByteView)
  case cancel(id: ByteView)
  case orderbook
  case other

  package init(_ text: ByteView) {
    let space = UInt8(ascii: " ")
    let nameEnd = text.firstOffset(of: space) ?? text.count
    let name = text.part(0..<nameEnd)
    if name.isEqual(to: "orderbook") {
      self = .orderbook
      return
    }
    let start = min(nameEnd + 1, text.count)
    let id = text.part(start..<(text.firstOffset(of: space, from: start) ?? text.count))
    if id.isEmpty {
      self = .other
    } else if name.isEqual(to: "cancel") {
      self = .cancel(id: id)
    } else {
      self = PublicCommand.isOffer(name) ? .offer(id: id) : .other
    }
  }

  /// The offer commands of cs and ng (`sw0reloffer`, `tr0reloffer` of JMP-0010 and future ones).
  /// `relorder` and `absorder` are ng's older names.
  private static func isOffer(_ name: ByteView) -> Bool {
    name.hasSuffix("reloffer") || name.hasSuffix("absoffer")
      || name.isEqual(to: "relorder") || name.isEqual(to: "absorder")
  }
}

/// Iterates over the commands of `a…!b…!c…` without copying.
package struct PublicCommands: Sequence, IteratorProtocol {
  private var rest: ByteView?

  /// - Parameter command: `RoutingLine.command`.
  package init(_ command: ByteView) { rest = command }

  package mutating func next() -> PublicCommand? {
    guard let text = rest else { return nil }
    guard let mark = text.firstOffset(of: UInt8(ascii: "!")) else {
      rest = nil
      return PublicCommand(text)
    }
    rest = text.part(mark + 1..<text.count)
    return PublicCommand(text.part(0..<mark))
  }
}
