#if os(Linux)
  import Glibc

  /// The sending side of the generator: measured lines, stamped when they are sent, and single
  /// frames.
  extension Generator {
    /// Writes the next `count` measured lines of a sender at once: public lines, or private lines
    /// to the sender's own receiver.
    func sendMeasured(from i: Int, count: Int) {
      let template = template(i)
      let offset = Lines.stampOffset(template)
      let now = Clock.now()
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: template.count * count) { batch in
        guard let base = batch.baseAddress else { return }
        for k in 0..<count {
          let at = base + k * template.count
          template.withUnsafeBufferPointer {
            if let from = $0.baseAddress { memcpy(at, from, $0.count) }
          }
          Lines.stamp(at + offset, number: peers[i].nextNumber, time: now)
          peers[i].nextNumber += 1
        }
        send(base, template.count * count, from: i)
      }
    }

    private func template(_ i: Int) -> [UInt8] {
      if let known = templates[i] { return known }
      let to: String
      let stream: Int
      switch reaction {
      case .keepInFlight(let pairs, _): (to, stream) = (nick(i + pairs), i)
      case .answerOrderbook: (to, stream) = (nick(0), i - 1)
      case .none: (to, stream) = ("PUBLIC", i)
      }
      let type = to == "PUBLIC" ? 687 : 685
      let line = Lines.measured(type, from: nick(i), to: to, stream: stream, size: lineBytes)
      templates[i] = line
      return line
    }

    func send(_ bytes: [UInt8], from i: Int) {
      bytes.withUnsafeBufferPointer {
        if let base = $0.baseAddress { send(base, $0.count, from: i) }
      }
    }

    private func send(_ bytes: UnsafePointer<UInt8>, _ n: Int, from i: Int) {
      guard peers[i].fd >= 0 else { return }
      var taken = 0
      if peers[i].output.isEmpty {
        guard let sent = Socket.send(peers[i].fd, bytes, n) else { return closedByNode(i) }
        taken = sent
      }
      guard taken < n else { return }
      if peers[i].output.isEmpty {
        poller.change(peers[i].fd, Poller.readable | Poller.writable, tag: Int32(i))
      }
      peers[i].output.append(bytes + taken, n - taken)
    }
  }
#endif
