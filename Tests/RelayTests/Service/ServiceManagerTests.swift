/// The variables that systemd sets for the relay, and the messages to systemd over a real socket.
import TestSupport
import Testing

@testable import EventLoop
@testable import Service
@testable import Units

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("The service manager")
struct ServiceManagerTests {
  @Test("only the process with LISTEN_PID takes over sockets")
  func inherited() throws {
    func manager(_ pid: String?, _ count: String?) throws -> [Int32] {
      var environment: [String: String] = [:]
      environment["LISTEN_PID"] = pid
      environment["LISTEN_FDS"] = count
      return try ServiceManager(environment: environment, processID: 42).inherited
    }
    // Only whether descriptor 3 is open matters; it may be any file of this process.
    let isOpen = fcntl(3, F_GETFD) >= 0
    if isOpen {
      #expect(try manager("42", "1") == [3])
    } else {
      #expect(throws: StartFault.self) { try manager("42", "1") }
    }
    #expect(try manager("42", "0") == [])
    for impossible in ["-1", "x", "1001"] {
      #expect(throws: StartFault.self) { try manager("42", impossible) }
    }
    #expect(try manager("41", "3") == [] && manager(nil, "3") == [] && manager("42", nil) == [])
  }

  @Test("the watchdog's interval is a positive whole number of microseconds")
  func watchdog() throws {
    func interval(_ time: String, _ pid: String? = nil) throws -> Duration? {
      var environment = ["WATCHDOG_USEC": time]
      environment["WATCHDOG_PID"] = pid
      return try ServiceManager(environment: environment, processID: 42).watchdog
    }
    #expect(try interval("1500000") == .milliseconds(1_500))
    #expect(try interval("1500000", "42") == .milliseconds(1_500))
    #expect(try interval("1500000", "41") == nil && interval("0") == nil)
    for impossible in ["-5", "soon", "99999999999999999"] {
      #expect(throws: StartFault.self) { try interval(impossible) }
    }
  }

  @Test("a message reaches a socket file and an abstract address", arguments: [true, false])
  func notify(_ isAbstract: Bool) throws {
    let loop = try EventLoop()
    let place = TemporaryPath()
    let path = isAbstract ? "@" + place.path : place.path
    let socket = try #require(NotifySocket(at: path))
    let manager = try ServiceManager(environment: ["NOTIFY_SOCKET": socket.name])
    manager.notify(.ready)
    #expect(socket.receive() == "READY=1")
    let before = loop.systemNow.nanoseconds / 1_000
    manager.notify(.reloading)
    let lines = try #require(socket.receive()?.split(separator: "\n"))
    try #require(lines.count == 2)
    #expect(lines[0] == "RELOADING=1")
    let began = try #require(Int64(lines[1].dropFirst("MONOTONIC_USEC=".count)))
    #expect(began >= before && began <= loop.systemNow.nanoseconds / 1_000)
  }
}
