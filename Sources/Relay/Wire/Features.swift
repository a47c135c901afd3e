/// The extensions of the base protocol that a peer advertises.
package struct Features: Hashable, Sendable {
  /// The features that the relay knows.
  package struct Known: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let peerlistFeatures = Known(rawValue: 1)
    package static let ping = Known(rawValue: 2)
    package static let neutrinoCompat = Known(rawValue: 4)
    package static let pushEncrypted = Known(rawValue: 8)
    package static let nickAuth = Known(rawValue: 16)
  }

  /// The largest number of features in one handshake.
  static let maximumCount = 32

  package let known: Known
  /// All accepted names, sorted bytewise and joined by `+`, as in a peerlist entry.
  package let listText: String

  package var isEmpty: Bool { listText.isEmpty }
  package var names: [String] { listText.split(separator: "+").map(String.init) }

  /// - Parameter names: malformed and repeated names are dropped.
  package init(names: [String] = []) {
    let accepted = Set(names.filter(Features.isWellFormed))
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    listText = accepted.joined(separator: "+")
    known = accepted.reduce(into: []) { $0.formUnion(Features.known(named: $1)) }
  }

  package init(_ known: Known) {
    self.init(names: Features.table.filter { known.contains($0.flag) }.map(\.name))
  }

  /// Whether a name is 1 to 32 of `A-Z a-z 0-9 _ . -`: a `,` `;` or `+` would forge peerlist
  /// entries.
  static func isWellFormed(_ name: String) -> Bool {
    (1...32).contains(name.utf8.count)
      && name.utf8.allSatisfy { byte in
        byte.isDigit || byte.isLetter || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
          || byte == UInt8(ascii: "-")
      }
  }

  private static let table: [(name: String, flag: Known)] = [
    ("neutrino_compat", .neutrinoCompat), ("nick_auth", .nickAuth),
    ("peerlist_features", .peerlistFeatures), ("ping", .ping), ("push_encrypted", .pushEncrypted),
  ]

  private static func known(named name: String) -> Known {
    table.first { $0.name == name }?.flag ?? []
  }
}
