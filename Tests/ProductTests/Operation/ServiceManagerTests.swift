import Foundation
import Glibc
import TestSupport
import Testing

extension ProductTests {
  /// A relay whose service manager listens on a real notify socket (sd_notify(3)).
  @Suite("Under a service manager")
  struct ServiceManagerTests {
    private let directory: TemporaryDirectory
    private let socket: NotifySocket

    init() throws {
      directory = try TemporaryDirectory()
      socket = try #require(NotifySocket(at: directory.path + "/notify"))
    }

    @Test("it says when it is ready, reloads, is ready again and stops")
    func states() throws {
      let relay = try RelayProcess(["NOTIFY_SOCKET": socket.name])
      #expect(socket.receive() == "READY=1")
      relay.child.signal(SIGHUP)
      let reloading = try #require(socket.receive()?.split(separator: "\n"))
      #expect(reloading.first == "RELOADING=1" && reloading.count == 2)
      let began = try #require(
        reloading.last?.split(separator: "=").last.flatMap { Double($0) })
      #expect(reloading.last?.hasPrefix("MONOTONIC_USEC=") == true)
      // On the monotonic clock of this machine, and not in the future.
      #expect(began > 0 && began / 1e6 <= monotonicSeconds())
      #expect(socket.receive() == "READY=1")
      #expect(try relay.stop() == 0)
      #expect(socket.receive() == "STOPPING=1")
      #expect(socket.receive(within: 0) == nil)
    }

    @Test("a watched relay sends a watchdog message twice an interval, until it stops")
    func watchdog() throws {
      let interval = 0.5
      let relay = try RelayProcess([
        "NOTIFY_SOCKET": socket.name, "WATCHDOG_USEC": "\(Int(interval * 1e6))",
      ])
      #expect(socket.receive() == "READY=1")
      for _ in 0..<6 { #expect(socket.receive() == "WATCHDOG=1") }
      // A stopped relay sends no watchdog messages.
      relay.child.signal(SIGSTOP)
      while socket.receive(within: 2 * interval) != nil {}
      relay.child.signal(SIGCONT)
      #expect(socket.receive() == "WATCHDOG=1")
      #expect(try relay.stop() == 0)
      #expect(socket.receiveState() == "STOPPING=1")
    }

    @Test("variables for another process are ignored", arguments: ["1", "0", "nonsense"])
    func otherProcess(_ pid: String) throws {
      let relay = try RelayProcess([
        "NOTIFY_SOCKET": socket.name, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": pid,
        "LISTEN_PID": pid, "LISTEN_FDS": "1",
      ])
      #expect(socket.receive() == "READY=1")
      #expect(socket.receive(within: 0.5) == nil)
      #expect(!relay.log.contains("inherited"))
      #expect(try relay.stop() == 0)
    }
  }
}
