#if os(Linux)
  import Glibc

  /// A nick as two integers, so that a lookup compares integers and allocates nothing.
  struct NickKey: Equatable {
    var low: UInt64 = 0
    var high: UInt64 = 0

    /// Reads the 16 bytes at `at`.
    init(_ at: UnsafePointer<UInt8>) {
      memcpy(&low, at, 8)
      memcpy(&high, at + 8, 8)
    }

    init() {}
  }

  /// A connection of the floor server; its descriptor is its number.
  struct FloorPeer {
    var nick = NickKey()
    var isOpen = false
    var isReady = false
    var isArmed = false
    /// Whether it is in the list of peers with bytes of their own in this turn.
    var isDirty = false
    /// Its index in the list of ready peers.
    var place = 0
    var input = Bytes()
    var output = Bytes()
  }

  /// Nick → descriptor: open addressing with linear probing. A removal moves the entries after it
  /// back.
  struct FloorNicks {
    private static let slots = 1 << 16
    private let keys = UnsafeMutablePointer<NickKey>.allocate(capacity: slots)
    private let fds = UnsafeMutablePointer<Int32>.allocate(capacity: slots)

    init() {
      keys.initialize(repeating: NickKey(), count: Self.slots)
      fds.initialize(repeating: -1, count: Self.slots)
    }

    func release() {
      keys.deallocate()
      fds.deallocate()
    }

    private func home(_ key: NickKey) -> Int {
      let mixed = (key.low ^ (key.high &* 0x9E37_79B9_7F4A_7C15)) &* 0xBF58_476D_1CE4_E5B9
      return Int(mixed >> 48)
    }

    /// Returns the slot of a nick, or the free slot where it belongs. There are at most 20,000
    /// nicks, one per descriptor, so there is always a free slot.
    private func slot(_ key: NickKey) -> Int {
      var i = home(key)
      while fds[i] >= 0, keys[i] != key { i = (i + 1) & (Self.slots - 1) }
      return i
    }

    func insert(_ key: NickKey, _ fd: Int32) {
      let i = slot(key)
      keys[i] = key
      fds[i] = fd
    }

    /// Returns the descriptor of a nick, -1 if it is not connected.
    func find(_ key: NickKey) -> Int32 { fds[slot(key)] }

    func remove(_ key: NickKey, _ fd: Int32) {
      let mask = Self.slots - 1
      var hole = slot(key)
      guard fds[hole] == fd else { return }
      var i = (hole + 1) & mask
      while fds[i] >= 0 {
        let distance = (i - home(keys[i])) & mask
        if distance >= (i - hole) & mask {
          keys[hole] = keys[i]
          fds[hole] = fds[i]
          hole = i
        }
        i = (i + 1) & mask
      }
      fds[hole] = -1
    }
  }
#endif
