/// The list of everybody who is listed, written out: one page for so many slots of the registry,
/// once with features and once without.
///
/// A page is made when the first list comes to it and serves all others, as it is, until somebody
/// on it comes to be listed or leaves. So lists under way at the same time share their bytes, and
/// none shows anybody who has left. Without a list under way nothing is kept (`forgetAll`).
package struct PeerlistCache {
  package struct Page {
    /// Whole frames of at most `Limits.entriesPerFrame` entries; none when nobody on the page is
    /// listed.
    package var frames: [UInt8] = []
    package var frameCount = 0
  }

  /// Slots of the registry on a page: some 45 kB when all of them are makers.
  static let defaultSlotsPerPage = 512

  package let slotsPerPage: Int
  private var plain: [Page?] = []
  private var withFeatures: [Page?] = []

  package init(slotsPerPage: Int) { self.slotsPerPage = slotsPerPage }

  package subscript(number: Int, withFeatures isModern: Bool) -> Page? {
    get {
      let pages = isModern ? withFeatures : plain
      return number < pages.count ? pages[number] : nil
    }
    set {
      if isModern {
        Self.set(newValue, at: number, in: &withFeatures)
      } else {
        Self.set(newValue, at: number, in: &plain)
      }
    }
  }

  private static func set(_ page: Page?, at number: Int, in pages: inout [Page?]) {
    while pages.count <= number { pages.append(nil) }
    pages[number] = page
  }

  /// What is listed of this slot has changed.
  package mutating func forget(slot: Int) {
    let number = slot / slotsPerPage
    if number < plain.count { plain[number] = nil }
    if number < withFeatures.count { withFeatures[number] = nil }
  }

  mutating func forgetAll() {
    plain = []
    withFeatures = []
  }

  /// For the tests: bytes held.
  package var size: Int { (plain + withFeatures).reduce(0) { $0 + ($1?.frames.count ?? 0) } }
}
