import Units
import Wire

/// Answers GETPEERLIST (protocol.md §6): frames of at most 20 entries, page by page. The next page
/// follows when the socket has taken the last one.
extension Directory {
  /// The next part of one peer's list: `frames` without `omitted`.
  package struct ListPart {
    /// The page, which all peerlists share.
    package var frames: [UInt8] = []
    /// The range with the receiver's own entry, which is left out.
    package var omitted = 0..<0
    package var frameCount = 0
    /// Whether this is the last part.
    package var isLast = true

    package var count: Int { frames.count - omitted.count }
  }

  func startList(
    for id: PeerID, at index: Int, into actions: inout Actions
  ) {
    guard registry[index].listCursor < 0 else { return counters.dropped.count(.listUnderWay) }
    guard registry[index].peerlistRequests.take(limits.peerlistRequests, at: now) else {
      return counters.dropped.count(.peerlistRate)
    }
    guard circuits.take(.peerlists, of: registry[index].circuit, at: now) else {
      return counters.dropped.count(.circuitRate)
    }
    registry[index].flags.insert(.active)
    registry[index].listCursor = 0
    counters.listsServed += 1
    actions.add(.sendPeerlist(id))
  }

  /// Returns the next page of a peer's list that names another peer. A list without entries is one
  /// empty frame. Peers that are added while the list is being sent may be missing from it; peers
  /// that have left are never in it.
  /// - Returns: `nil` when no list is being sent to this peer.
  package func nextListPart(for id: PeerID) -> ListPart? {
    guard let asker = registry.index(of: id), registry[asker].listCursor >= 0 else { return nil }
    let isFirst = registry[asker].listCursor == 0
    let pageCount = (registry.slots.count - 1) / registry.peerlistCache.slotsPerPage + 1
    var number = Int(registry[asker].listCursor)
    var part: ListPart
    repeat {
      part = listPart(number, for: asker)
      number += 1
    } while part.count == 0 && number < pageCount
    part.isLast = number >= pageCount
    registry[asker].listCursor = part.isLast ? -1 : Int32(number)
    if isFirst, part.count == 0 {
      part = ListPart(frameCount: 1)
      PeerlistWriter.frame(to: &part.frames) { _ in }
    }
    return part
  }

  /// Frees the pages when no list is being sent.
  package func forgetLists() { registry.peerlistCache.forgetAll() }

  private func listPart(_ number: Int, for asker: Int) -> ListPart {
    let withFeatures = registry[asker].features.contains(.peerlistFeatures)
    let page =
      registry.peerlistCache[number, withFeatures: withFeatures] ?? keptPage(number, withFeatures)
    var part = ListPart(frames: page.frames, frameCount: page.frameCount)
    if registry[asker].isListed, asker / registry.peerlistCache.slotsPerPage == number {
      var entry: [UInt8] = []
      appendEntry(of: asker, withFeatures, to: &entry)
      part.omitted = PeerlistWriter.rangeToOmit(entry, outOf: page.frames)
      // A frame with no other entry is left out whole.
      if PeerlistWriter.isFrame(page.frames[part.omitted]) { part.frameCount -= 1 }
    }
    return part
  }

  private func keptPage(_ number: Int, _ withFeatures: Bool) -> PeerlistCache.Page {
    let page = makeListPage(number, withFeatures)
    registry.peerlistCache[number, withFeatures: withFeatures] = page
    return page
  }

  func makeListPage(_ number: Int, _ withFeatures: Bool) -> PeerlistCache.Page {
    var page = PeerlistCache.Page()
    var cursor = number * registry.peerlistCache.slotsPerPage
    let end = min(cursor + registry.peerlistCache.slotsPerPage, registry.slots.count)
    // The relay's own entry comes first.
    var own = number == 0 ? identity.location : nil
    while own != nil || cursor < end {
      let start = page.frames.count
      var count = 0
      PeerlistWriter.frame(to: &page.frames) { frames in
        if let location = own.take() {
          PeerlistWriter.append(
            PeerlistWriter.entry(identity.nick, .onion(location)),
            features: withFeatures ? Array(Features(advertised).listText.utf8) : [], to: &frames)
          count = 1
        }
        while cursor < end, count < Limits.entriesPerFrame {
          let index = cursor
          cursor += 1
          guard registry[index].state == .present, registry[index].isListed else { continue }
          if count > 0 { frames.append(UInt8(ascii: ",")) }
          appendEntry(of: index, withFeatures, to: &frames)
          count += 1
        }
      }
      if count == 0 { page.frames.removeSubrange(start...) } else { page.frameCount += 1 }
    }
    return page
  }
}
