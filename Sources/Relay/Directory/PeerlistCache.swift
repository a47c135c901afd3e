/// The encoded peerlist: one page for `slotsPerPage` slots of the registry, with and without
/// features.
///
/// A page is encoded when a list first needs it, and serves all lists until one of its entries
/// changes. So lists that are sent at the same time share their bytes, and none names a peer that
/// has left. Nothing is kept while no list is being sent (`forgetAll`).
package struct PeerlistCache {
  package struct Page {
    /// Whole frames of at most `Limits.entriesPerFrame` entries; none when the page has no entry.
    package var frames: [UInt8] = []
    package var frameCount = 0
  }

  /// The slots of the registry on a page: about 45 kB when all of them are makers.
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

  /// Forgets the page of this slot, whose entry has changed.
  package mutating func forget(slot: Int) {
    let number = slot / slotsPerPage
    if number < plain.count { plain[number] = nil }
    if number < withFeatures.count { withFeatures[number] = nil }
  }

  mutating func forgetAll() {
    plain = []
    withFeatures = []
  }

  /// The bytes held, for tests.
  package var size: Int { (plain + withFeatures).reduce(0) { $0 + ($1?.frames.count ?? 0) } }
}
