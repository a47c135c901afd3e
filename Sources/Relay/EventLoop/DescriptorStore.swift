import Units

/// The purpose of a stored descriptor, as one letter. It is also the name in systemd's
/// `LISTEN_FDNAMES`, whose names share one environment string of 128 KiB.
package enum StoredKind: UInt8, CaseIterable, Sendable {
  case image = 0x69  // i
  case listener = 0x6c  // l
  case status = 0x73  // s
  case peer = 0x70  // p

  package var name: String { String(UnicodeScalar(rawValue)) }
}

/// A descriptor for a store to copy. Its owner keeps it open until `put` has returned, and closes
/// it.
package struct LentDescriptor {
  package let kind: StoredKind
  package let number: Int32

  package init(_ kind: StoredKind, _ number: Int32) {
    self.kind = kind
    self.number = number
  }
}

/// A descriptor from a store. It is closed unless somebody takes it.
package struct StoredDescriptor {
  package let kind: StoredKind
  package let held: HeldDescriptor

  package init(_ kind: StoredKind, _ held: HeldDescriptor) {
    self.kind = kind
    self.held = held
  }

  /// Shuts the socket down for all processes that have it: a store that no longer answers must not
  /// keep peers waiting or an address in use.
  package func end() {
    if kind != .image { SocketCalls.end(held.number) }
  }
}

/// Why a store could not be used. `description` is for the operator.
package struct StoreFault: Error, CustomStringConvertible {
  package let description: String
  /// The store may have everything and has not confirmed it: the relay must not use the sockets
  /// again.
  package let isUncertain: Bool

  init(_ description: String, isUncertain: Bool = false) {
    self.description = description
    self.isUncertain = isUncertain
  }
}

/// A store that holds descriptors while no relay runs (docs/fd-store.md,
/// sd_pid_notify_with_fds(3)). Its calls block, for about `DescriptorStore.timeout` at most.
package protocol DescriptorStore: AnyObject {
  /// Stores copies of all descriptors, or of none when it throws an error that is not uncertain.
  func put(_ descriptors: [LentDescriptor]) throws(StoreFault)
  /// Returns the descriptors of the last relay. The store keeps its copies until `confirm()`.
  func fetch() throws(StoreFault) -> [StoredDescriptor]
  /// Lets the store forget everything.
  func confirm() throws(StoreFault)
}

extension DescriptorStore {
  /// The timeout of one answer.
  package static var answerTimeout: Duration { .seconds(5) }
  /// The timeout of a whole conversation: the start and the stop of the relay wait for it.
  package static var timeout: Duration { .seconds(10) }
}

/// The part of `DescriptorStore.timeout` that a store has used.
struct StoreTime {
  private var spent = Duration.zero

  var isOver: Bool { spent >= SystemdStore.timeout }

  /// Adds the time since `began`, which was spent on one answer. Time beyond the timeout of an
  /// answer is a standstill of this process and does not count.
  mutating func add(since began: Instant) {
    spent += min(Clock.monotonic - began, SystemdStore.answerTimeout)
  }
}
