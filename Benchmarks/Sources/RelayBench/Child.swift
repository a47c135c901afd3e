#if os(Linux)
  import Glibc

  /// A server that the bench starts and ends. Its standard output is discarded. Its standard error
  /// goes to ours unless it has a log file.
  struct Child {
    let name: String
    let pid: pid_t
    let tcp: Address
    let unix: Address

    /// Starts a program with exactly this environment and waits until both addresses answer.
    /// - Parameters:
    ///   - log: the file for its standard error; nil for ours.
    ///   - kind: the type of the sockets on which it listens.
    ///   - waits: false for a server that takes over sockets that already listen.
    static func start(
      _ name: String, _ path: String, _ arguments: [String], environment: [String: String],
      tcp: Address, unix: Address, log: String? = nil, kind: Int32 = Socket.stream,
      waits: Bool = true
    ) throws(BenchError) -> Child {
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
      if let log {
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
      }
      var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
      var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
      defer { for text in argv + envp { free(text) } }
      argv.append(nil)
      envp.append(nil)
      var pid: pid_t = 0
      let error = posix_spawn(&pid, path, &actions, nil, argv, envp)
      guard error == 0 else {
        throw BenchError("\(name): \(path): \(String(cString: strerror(error)))")
      }
      let child = Child(name: name, pid: pid, tcp: tcp, unix: unix)
      guard waits else { return child }
      switch child.waitUntilListening(kind) {
      case .listening: return child
      case .ended: throw BenchError("\(name): ended before it listened on \(tcp) and \(unix)")
      case .silent:
        child.stop()
        throw BenchError("\(name): does not listen on \(tcp) and \(unix) after 10 s")
      }
    }

    private enum Beginning {
      case listening
      /// It has ended. Its pid may already belong to another process, so it must not be killed.
      case ended
      case silent
    }

    private func waitUntilListening(_ kind: Int32) -> Beginning {
      let deadline = Clock.now() + 10_000_000_000
      for address in [tcp, unix] {
        while !Self.answers(address, kind) {
          var status: Int32 = 0
          if waitpid(pid, &status, WNOHANG) != 0 { return .ended }
          if Clock.now() > deadline || Interruption.isRequested { return .silent }
          Clock.sleep(milliseconds: 20)
        }
      }
      return .listening
    }

    private static func answers(_ address: Address, _ kind: Int32) -> Bool {
      let answer = try? address.withSockaddr { family, raw, size throws(BenchError) in
        let fd = socket(family, kind, 0)
        defer { close(fd) }
        return connect(fd, raw, size) == 0
      }
      return answer ?? false
    }

    /// Kills the server and waits for its end.
    func stop() { end(SIGKILL) }

    /// Sends SIGTERM and waits for the end of the server.
    /// - Parameter leavesFile: whether to keep the file of its Unix socket for the next process.
    func end(leavesFile: Bool = false) { end(SIGTERM, leavesFile: leavesFile) }

    private func end(_ signal: Int32, leavesFile: Bool = false) {
      kill(pid, signal)
      var status: Int32 = 0
      waitpid(pid, &status, 0)
      if leavesFile { return }
      if case .unix(let path) = unix { unlink(path) }
    }

    /// Returns a TCP port of 127.0.0.1 below 10,000 on which no process listens now.
    static func freePort() throws(BenchError) -> UInt16 {
      for port in UInt16(7300)..<10_000 {
        if let fd = try? Socket.listen(on: .tcp(host: "127.0.0.1", port: port)) {
          close(fd)
          return port
        }
      }
      throw BenchError("no free port between 7300 and 9999")
    }
  }
#endif
