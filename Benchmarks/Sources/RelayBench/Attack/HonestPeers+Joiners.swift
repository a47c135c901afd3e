#if os(Linux)
  /// Honest peers that join during the attack, and whether lines are still expected.
  extension HonestPeers {
    /// The progress of a joiner, in nanoseconds of the monotonic clock.
    struct Entry {
      var begunAt: Int64
      var retryAt: Int64?
      var acceptedAt: Int64?
    }

    func arrive(_ slot: Int, at now: Int64) { entries[slot] = Entry(begunAt: now, retryAt: now) }

    /// Retries the joiners that were refused, a second later and on a new circuit.
    func retry(at now: Int64) throws(BenchError) {
      for (slot, entry) in entries {
        guard let due = entry.retryAt, now >= due, pool.isFree(slot) else { continue }
        if try open(slot) { entries[slot]?.retryAt = nil }
      }
    }

    /// The seconds that each joiner needed until it was accepted. Joiners that were not accepted
    /// during the attack are left out.
    var entryTimes: [Double] {
      entries.values.compactMap { entry in
        guard let acceptedAt = entry.acceptedAt, acceptedAt <= attackEndedAt else { return nil }
        return Double(acceptedAt - entry.begunAt) / 1e9
      }
    }

    /// Whether lines or answers are still expected.
    var isExpecting: Bool {
      measures.public.lost > 0 || measures.private.lost > 0
        || measures.books.count < measures.asked
    }
  }
#endif
