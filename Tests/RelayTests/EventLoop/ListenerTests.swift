/// Listeners of every kind, their socket files, and the pause when no descriptor is left.
import Glibc
import Testing

@testable import EventLoop

@Suite("Listeners", .serialized)
struct ListenerTests {
  let loop: EventLoop

  init() throws { loop = try EventLoop() }

  final class Acceptor {
    var accepted: [TestSocket] = []
    lazy var take: Listener.Accept = { [unowned self] socket in
      accepted.append(TestSocket(socket.release()))
    }
  }

  @Test("several listeners of all kinds share one loop, each with its own port")
  func kinds() throws {
    let acceptor = Acceptor()
    let file = TemporaryPath()
    let listeners = try [
      SocketAddress.tcp(host: "127.0.0.1", port: 0), .tcp(host: "localhost", port: 0),
      .tcp(host: "::1", port: 0), .unix(path: file.path),
    ].map { try Listener(on: loop, address: $0, accept: acceptor.take) }
    var ports: Set<UInt16> = []
    for (count, listener) in listeners.enumerated() {
      if case .tcp(_, let port) = listener.address { ports.insert(port) }
      let socket = try #require(TestSocket.connected(to: listener.address))
      #expect(loop.turns(until: { acceptor.accepted.count == count + 1 }))
      socket.write("hello")
      #expect(loop.turns(until: { acceptor.accepted[count].read() == Array("hello".utf8) }))
      let flags = fcntl(acceptor.accepted[count].descriptor, F_GETFL)
      #expect(flags & O_NONBLOCK != 0)
    }
    #expect(ports.count == 3 && !ports.contains(0))
  }

  @Test("a port in use and a text that is no address are reported as such")
  func taken() throws {
    let first = try Listener(on: loop, address: .tcp(host: "127.0.0.1", port: 0)) { _ in }
    #expect(throws: SocketError.inUse(first.address)) {
      try Listener(on: loop, address: first.address) { _ in }
    }
    #expect(throws: SocketError.notAnAddress("example.com")) {
      try Listener(on: loop, address: .tcp(host: "example.com", port: 0)) { _ in }
    }
    let foreign = SocketAddress.tcp(host: "192.0.2.1", port: 0)
    #expect(throws: SocketError.system(call: "bind", code: EADDRNOTAVAIL, address: foreign)) {
      try Listener(on: loop, address: foreign) { _ in }
    }
  }

  @Test("a stale socket file is replaced, a live one and any other file are not")
  func staleFile() throws {
    let file = TemporaryPath()
    let path = file.path
    let address = SocketAddress.unix(path: path)
    // A killed process leaves a socket file without a listener.
    func leaveFile() throws -> Int32? {
      let place = try KernelAddress(address)
      return try Descriptor.streamSocket(for: place, at: address).bind(to: place)
    }
    #expect(try leaveFile() == nil)
    #expect(access(path, F_OK) == 0 && TestSocket.connected(to: address) == nil)
    let acceptor = Acceptor()
    let listener = try Listener(on: loop, address: address, mode: 0o600, accept: acceptor.take)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
    #expect(access(path + ".new", F_OK) != 0)
    #expect(throws: SocketError.inUse(address)) {
      try Listener(on: loop, address: address) { _ in }
    }
    let socket = try #require(TestSocket.connected(to: address))
    // One of the two connections is the check of the refused `Listener` for a live one.
    #expect(loop.turns(until: { acceptor.accepted.count == 2 }))
    withExtendedLifetime((socket, listener)) {}
  }

  @Test("a file that is no socket is kept, and a path that cannot be bound is an error")
  func otherFiles() throws {
    let file = TemporaryPath()
    let path = file.path
    let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
    close(descriptor)
    let address = SocketAddress.unix(path: path)
    #expect(throws: SocketError.system(call: "replace", code: ENOTSOCK, address: address)) {
      try Listener(on: loop, address: address) { _ in }
    }
    #expect(access(path, F_OK) == 0)
    let nowhere = SocketAddress.unix(path: file.directory + "/none/s")
    #expect(throws: SocketError.system(call: "bind", code: ENOENT, address: nowhere)) {
      try Listener(on: loop, address: nowhere) { _ in }
    }
  }

  @Test("a socket path too long for the kernel is refused, and leaks no descriptor")
  func longPath() {
    let long = "/tmp/" + String(repeating: "p", count: 103)
    let before = openDescriptors
    for _ in 0..<20 {
      #expect(throws: SocketError.self) {
        try Listener(on: loop, address: .unix(path: long)) { _ in }
      }
      #expect(throws: SocketError.self) {
        try Listener(on: loop, address: .unix(path: String(long.dropLast(3)))) { _ in }
      }
    }
    // Other tests open a few descriptors meanwhile, but not this many.
    #expect(openDescriptors < before + 15)
  }

  private var openDescriptors: Int { (0..<1_024).count { fcntl($0, F_GETFD) >= 0 } }

  @Test("the listener removes its file, unless another listener has replaced it")
  func removed() throws {
    let file = TemporaryPath()
    let path = file.path
    let address = SocketAddress.unix(path: path)
    var first: Listener? = try Listener(on: loop, address: address) { _ in }
    #expect(first != nil && access(path, F_OK) == 0)
    first = nil
    #expect(access(path, F_OK) != 0)
    var second: Listener? = try Listener(on: loop, address: address) { _ in }
    #expect(second != nil)
    rename(path, path + ".new")
    let third = try Listener(on: loop, address: address) { _ in }
    second = nil
    #expect(access(path, F_OK) == 0 && TestSocket.connected(to: address) != nil)
    withExtendedLifetime(third) {}
  }

  @Test(
    "while it is paused connections wait in the kernel's queue, and are accepted afterwards")
  func paused() throws {
    let acceptor = Acceptor()
    let listener = try Listener(
      on: loop, address: .tcp(host: "127.0.0.1", port: 0), accept: acceptor.take)
    listener.pause()
    let socket = try #require(TestSocket.connected(to: listener.address))
    for _ in 0..<20 { loop.turn() }
    #expect(acceptor.accepted.isEmpty)
    listener.resume()
    #expect(loop.turns(until: { acceptor.accepted.count == 1 }))
    withExtendedLifetime(socket) {}
  }

  @Test("a rush is accepted in portions: 64 a turn")
  func rush() throws {
    let acceptor = Acceptor()
    let file = TemporaryPath()
    let listener = try Listener(on: loop, address: .unix(path: file.path), accept: acceptor.take)
    var sockets: [TestSocket] = []
    for _ in 0..<100 { sockets.append(try #require(TestSocket.connected(to: listener.address))) }
    loop.turn()
    #expect(acceptor.accepted.count == 64)
    loop.turn()
    #expect(acceptor.accepted.count == 100)
  }

  @Test("an inherited socket that already listens is used, and its address is known")
  func inherited() throws {
    let acceptor = Acceptor()
    let bound = try Descriptor.bound(to: .tcp(host: "127.0.0.1", port: 0))
    let failure = bound.listen()
    #expect(failure == nil)
    let listener = try Listener(on: loop, inherited: bound, accept: acceptor.take)
    let socket = try #require(TestSocket.connected(to: listener.address))
    #expect(loop.turns(until: { acceptor.accepted.count == 1 }))
    withExtendedLifetime(socket) {}
  }

  @Test("out of descriptors it pauses once, does not spin, and resumes by itself")
  func outOfDescriptors() async {
    // Runs in its own process, because the limit applies to a process.
    await #expect(processExitsWith: .success) {
      let loop = try EventLoop()
      var accepted: [TestSocket] = []
      let listener = try Listener(on: loop, address: .tcp(host: "127.0.0.1", port: 0)) {
        socket in accepted.append(TestSocket(socket.release()))
      }
      var pauses: [Listener.Pause] = []
      listener.onPause = { pauses.append($0) }
      let socket = try #require(TestSocket.connected(to: listener.address))
      let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
      var limit = rlimit()
      getrlimit(files, &limit)
      let generous = limit
      // With this limit the lowest free descriptor is already refused.
      let free = dup(0)
      close(free)
      limit.rlim_cur = rlim_t(free)
      setrlimit(files, &limit)
      #expect(loop.turns(until: { !pauses.isEmpty }))
      #expect(pauses == [.outOfDescriptors(errno: EMFILE)] && accepted.isEmpty)
      var before = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &before)
      let timer = Timer(on: loop) { loop.stop() }
      timer.schedule(after: .milliseconds(600))
      loop.run()
      var after = rusage()
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &after)
      let spent =
        (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1_000_000
        + Int(after.ru_utime.tv_usec - before.ru_utime.tv_usec)
      #expect(pauses.count == 1 && spent < 60_000)
      limit = generous
      setrlimit(files, &limit)
      #expect(loop.turns(until: { accepted.count == 1 }))
      withExtendedLifetime(socket) {}
    }
  }
}
