/// What systemd's environment asks of the relay, and what it is told over a real socket.
import TestSupport
import Testing

@testable import EventLoop
@testable import Service
@testable import Units

@Suite("The service manager")
struct ServiceManagerTests {
  @Test("sockets are taken over by the process they are meant for, and by no other")
  func inherited() {
    func manager(_ pid: String?, _ count: String?) -> [Int32] {
      var environment: [String: String] = [:]
      environment["LISTEN_PID"] = pid
      environment["LISTEN_FDS"] = count
      return ServiceManager(environment: environment, processID: 42).inherited
    }
    #expect(manager("42", "3") == [3, 4, 5])
    #expect(manager("42", "0") == [] && manager("42", "-1") == [] && manager("42", "x") == [])
    #expect(manager("41", "3") == [] && manager(nil, "3") == [] && manager("42", nil) == [])
  }

  @Test("the watchdog's interval is taken from whole positive microseconds")
  func watchdog() {
    func interval(_ time: String, _ pid: String? = nil) -> Duration? {
      var environment = ["WATCHDOG_USEC": time]
      environment["WATCHDOG_PID"] = pid
      return ServiceManager(environment: environment, processID: 42).watchdog
    }
    #expect(interval("1500000") == .milliseconds(1_500))
    #expect(interval("1500000", "42") == .milliseconds(1_500))
    #expect(interval("1500000", "41") == nil)
    #expect(interval("0") == nil && interval("-5") == nil && interval("soon") == nil)
  }

  @Test("a message reaches a file and a name in the abstract space", arguments: [true, false])
  func notify(_ isAbstract: Bool) throws {
    let loop = try EventLoop()
    let place = TemporaryPath()
    let path = isAbstract ? "@" + place.path : place.path
    let socket = try #require(NotifySocket(at: path))
    let manager = ServiceManager(environment: ["NOTIFY_SOCKET": socket.name])
    manager.notify(.ready)
    #expect(socket.receive() == "READY=1")
    let before = loop.systemNow.nanoseconds / 1_000
    manager.notify(.reloading)
    let lines = try #require(socket.receive()?.split(separator: "\n"))
    #expect(lines.count == 2 && lines[0] == "RELOADING=1")
    let began = try #require(Int64(lines[1].dropFirst("MONOTONIC_USEC=".count)))
    #expect(began >= before && began <= loop.systemNow.nanoseconds / 1_000)
  }
}
