#if os(Linux)
  import Glibc

  /// The lines that honest peers send: public offers, answers to `!orderbook`, conversations.
  extension HonestPeers {
    /// Bytes of each kind of line, terminator included.
    private static let publicBytes = 300
    private static let answerBytes = 500
    private static let conversationBytes = 400

    /// Sends a public offer of this maker.
    func announce(_ maker: Int) {
      guard pool.isReady(maker) else { return }
      let line = Self.stamped(
        687, from: names.honestNick(maker), to: "PUBLIC",
        stream: Kind.announcement.rawValue + maker,
        number: nextPublic[maker], size: Self.publicBytes)
      nextPublic[maker] += 1
      for slot in counted where slot != maker && pool.isReady(slot) { measures.public.owed += 1 }
      pool.send(line, from: maker)
    }

    /// Sends one line of a conversation. Each sender always has the same receiver.
    func speak(_ sender: Int) {
      let receiver = partner(sender)
      guard pool.isReady(sender), pool.isReady(receiver) else { return }
      let line = Self.stamped(
        685, from: names.honestNick(sender), to: names.honestNick(receiver),
        stream: Kind.conversation.rawValue + sender, number: nextPrivate[sender],
        size: Self.conversationBytes)
      nextPrivate[sender] += 1
      measures.private.owed += 1
      pool.send(line, from: sender)
    }

    /// Returns a peer of the other kind that is established exactly if the sender is. A private
    /// line of an established peer would make a stranger established, too.
    private func partner(_ sender: Int) -> Int {
      let isMaker = makers.contains(sender)
      let (own, others) = isMaker ? (makers, takers) : (takers, makers)
      let half: Range<Int>
      let number: Int
      if isEstablished(sender) || others.count == 1 {
        (half, number) = (others.lowerBound..<others.middle, sender - own.lowerBound)
      } else {
        (half, number) = (others.middle..<others.upperBound, sender - own.middle)
      }
      return half.lowerBound + number % half.count
    }

    /// Sends an `!orderbook` of this taker.
    func ask(_ taker: Int) {
      guard pool.isReady(taker) else { return }
      let expected = makers.count { pool.isReady($0) }
      books[taker] = Book(
        number: (books[taker]?.number ?? 0) + 1, askedAt: Clock.now(), expected: makers.count)
      measures.asked += 1
      measures.public.owed += expected
      pool.send(AttackLines.orderbook(from: names.honestNick(taker)), from: taker)
    }

    /// Answers an `!orderbook` of any peer. Answers to honest takers are counted.
    func answer(_ line: UnsafeMutablePointer<UInt8>, as maker: Int) {
      let nick = line + Self.senderOffset
      var number = 0
      if isHonest(line) {
        let text = String(decoding: UnsafeBufferPointer(start: nick, count: 16), as: UTF8.self)
        guard let taker = slotOfNick[text], let book = books[taker] else { return }
        number = book.number
        measures.public.arrived()
        if pool.isReady(taker) { measures.private.owed += 1 }
      }
      answers[maker].withUnsafeMutableBufferPointer { answer in
        guard let base = answer.baseAddress, let part = Lines.measuredPart(base, answer.count)
        else { return }
        memcpy(base + Self.receiverOffset, nick, 16)
        Lines.stamp(base + part + 6, number: number, time: Clock.now())
        pool.send(base, answer.count, from: maker)
      }
    }

    func makeAnswer(_ maker: Int) -> [UInt8] {
      Self.stamped(
        685, from: names.honestNick(maker), to: names.honestNick(takers.lowerBound),
        stream: Kind.answer.rawValue + maker, number: 0, size: Self.answerBytes)
    }

    /// The offset of the sender's nick: after `{"type": 687, "line": "`.
    static let senderOffset = 23
    /// The offset of the receiver's nick: after the sender's and `!`.
    static let receiverOffset = 40

    /// Returns a measured line with an offer, stamped with the current time.
    static func stamped(
      _ type: Int, from: String, to: String, stream: Int, number: Int, size: Int
    ) -> [UInt8] {
      let suffix = "!\(AttackLines.offer)"
      var line = Lines.measured(
        type, from: from, to: to, stream: stream, size: size - suffix.utf8.count)
      // Before the closing quote, brace, CR and LF.
      line.insert(contentsOf: Array(suffix.utf8), at: line.count - 4)
      let offset = Lines.stampOffset(line)
      line.withUnsafeMutableBufferPointer {
        if let base = $0.baseAddress {
          Lines.stamp(base + offset, number: number, time: Clock.now())
        }
      }
      return line
    }
  }
#endif
