#if os(Linux)
  /// Honest peers that come during the attack, and what is still to be waited for.
  extension HonestPeers {
    /// How a joiner gets in.
    struct Entry {
      var begunAt: Int64
      var retryAt: Int64?
      var acceptedAt: Int64?
    }

    func arrive(_ slot: Int, at now: Int64) { entries[slot] = Entry(begunAt: now, retryAt: now) }

    /// Joiners that were turned away try again a second later, on a new circuit.
    func retry(at now: Int64) throws(BenchError) {
      for (slot, entry) in entries {
        guard let due = entry.retryAt, now >= due, pool.isFree(slot) else { continue }
        if try open(slot) { entries[slot]?.retryAt = nil }
      }
    }

    /// Seconds that each joiner needed that came in while the attack ran.
    var entryTimes: [Double] {
      entries.values.compactMap { entry in
        guard let acceptedAt = entry.acceptedAt, acceptedAt <= attackEndedAt else { return nil }
        return Double(acceptedAt - entry.begunAt) / 1e9
      }
    }

    /// Whether lines or answers are still under way.
    var isExpecting: Bool {
      measures.public.lost > 0 || measures.private.lost > 0
        || measures.books.count < measures.asked
    }
  }
#endif
