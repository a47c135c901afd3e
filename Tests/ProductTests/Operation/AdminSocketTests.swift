import Foundation
import Glibc
import Testing

extension ProductTests {
  @Suite("The admin socket")
  struct AdminSocketTests {
    /// A relay with an admin socket and two listeners that have circuits.
    private struct AdminHarness {
      let folder: TemporaryDirectory
      let relay: RelayProcess
      var admin: String { folder.path + "/admin" }

      init(_ settings: [String: String] = [:]) throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        let listeners = ["near", "far"].map { "\(folder.path)/\($0);name=\($0);proxy=true" }
        relay = try RelayProcess(
          [
            "ADMIN_SOCKET": folder.path + "/admin", "LISTEN_UNIX": listeners.joined(separator: ","),
          ].merging(settings) { $1 })
      }

      func join(_ listener: String, circuit: Int, _ hello: Hello) throws -> TestPeer {
        let peer = try TestPeer(.unix("\(folder.path)/\(listener)"))
        let number = String(circuit, radix: 16)
        try peer.send("PROXY TCP6 fc00:dead:beef:4dad::0:\(number) ::1 22 5222\r\n")
        try peer.shakeHands(hello, with: relay)
        return peer
      }

      func control(_ arguments: String...) throws -> Product.Outcome {
        try Product.control.run(arguments, ["ADMIN_SOCKET": admin])
      }

      /// Sends this text and returns the whole answer.
      func ask(_ text: String) throws -> String {
        let socket = try TestSocket(.unix(admin))
        try socket.send(Array(text.utf8))
        var bytes: [UInt8] = []
        while let more = try socket.receive(within: 10) { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
      }
    }

    private struct Document: Decodable {
      struct Group: Decodable {
        struct Connection: Decodable {
          let nick: String?
          let age: Double
        }
        let listener: String
        let circuit: Int?
        let frames: Int
        let publicLines: Int
        let publicBytes: Int
        let orderbookRequests: Int
        let deliveries: Int
        let connections: [Connection]
      }
      let circuits: [Group]
    }

    private func groups(_ harness: AdminHarness) throws -> [Document.Group] {
      let outcome = try harness.control("peers", "--json")
      #expect(outcome.status == 0, "\(outcome.error)")
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      return try decoder.decode(Document.self, from: Data(outcome.out.utf8)).circuits
    }

    @Test("peers shows connections by circuit and what they cost, the most costly first")
    func peers() throws {
      let harness = try AdminHarness()
      let quiet = try harness.join("far", circuit: 7, .taker(1))
      let first = try harness.join("near", circuit: 7, .taker(2))
      let second = try harness.join("near", circuit: 7, .taker(3))
      let plain = try TestPeer(to: harness.relay, .taker(4))
      try first.sendPublic("!orderbook")
      try second.sendPublic("hello")
      try second.send("hello", to: quiet.nick)
      for peer in [quiet, plain] { for _ in 0..<2 { _ = try peer.nextFrame() } }
      _ = try quiet.nextFrame()
      for peer in [first, second] { _ = try peer.nextFrame() }
      try plain.expectNothing()
      let groups = try groups(harness)
      try #require(groups.count == 3)
      #expect(groups[0].listener == "near" && groups[0].circuit == 7)
      #expect(Set(groups[0].connections.map(\.nick)) == [first.nick, second.nick])
      #expect(groups[0].connections.allSatisfy { (0...60).contains($0.age) })
      #expect(groups[0].publicLines == 2 && groups[0].orderbookRequests == 1)
      // Two public lines to three peers each, and one private line.
      #expect(groups[0].deliveries == 7)
      // Two handshakes, two public lines and a private one.
      #expect(groups[0].frames == 5)
      #expect(groups[0].publicBytes > 60)
      // Connections with a handshake and a PING come before those with a handshake alone.
      #expect(groups[1].listener == "tcp" && groups[1].circuit == nil)
      #expect(groups[2].listener == "far" && groups[2].circuit == 7)
      #expect(groups[1...].allSatisfy { $0.deliveries == 0 && $0.publicLines == 0 })
      let table = try harness.control("peers", "--first", "1").out.split(separator: "\n")
      try #require(table.count == 3)
      #expect(table[0].hasPrefix("CIRCUIT "))
      #expect(table[1].hasPrefix("near:7 "))
      #expect(table[1].contains(first.nick) && table[1].contains(second.nick))
      #expect(table[2] == "and 2 more")
    }

    @Test("With STATUS_NICKS=false it shows no nicks")
    func noNicks() throws {
      let harness = try AdminHarness(["STATUS_NICKS": "false"])
      let peer = try harness.join("near", circuit: 7, .taker(1))
      let outcome = try harness.control("peers")
      #expect(outcome.status == 0 && outcome.out.contains("near:7"))
      #expect(!outcome.out.contains(peer.nick))
    }

    @Test("close ends the connections of a circuit or of a nick, and no others")
    func close() throws {
      let harness = try AdminHarness()
      let many = try (1...2).map { try harness.join("near", circuit: 7, .taker($0)) }
      let maker = try harness.join("near", circuit: 8, .maker(3))
      let other = try harness.join("far", circuit: 7, .taker(4))
      // Both listeners have a circuit 7.
      let unclear = try harness.control("close", "--circuit", "7")
      #expect(unclear.status == 1 && unclear.error.contains("near:7"))
      let done = try harness.control("close", "--circuit", "near:7")
      #expect(done.status == 0 && done.out == "closed 2\n", "\(done.error)")
      for peer in many { try peer.expectClosed() }
      for peer in [maker, other] { try peer.expectNothing() }
      let again = try harness.control("close", "--circuit", "near:7", "--json")
      #expect(again.status == 1 && again.out == "{\"closed\": 0}\n")
      let nick = try harness.control("close", "--nick", maker.nick)
      #expect(nick.status == 0 && nick.out == "closed 1\n")
      try maker.expectClosed()
      try other.expect(Hello.maker(3).departure)
      #expect(try harness.control("close", "--nick", maker.nick).status == 1)
      for wrong in [
        ["--circuit", "x"], ["--circuit", "-1"], ["--circuit", "4294967296"], ["--circuit", ":1"],
        ["--nick", "a b"], [], ["--nick", "a", "--circuit", "1"],
      ] {
        let outcome = try Product.control.run(["close"] + wrong, ["ADMIN_SOCKET": harness.admin])
        #expect(outcome.status == 64, "\(wrong)")
      }
      #expect(try harness.relay.closed("admin") == 3)
      let log = harness.relay.log
      #expect(log.contains("closed by the operator connections=2"))
      #expect(!log.contains(maker.nick) && !log.contains("circuit=") && !log.contains("near:7"))
    }

    @Test("With one PROXY listener the circuit's number is enough")
    func oneListener() throws {
      let folder = try TemporaryDirectory()
      let relay = try RelayProcess([
        "PROXY_PROTOCOL": "true", "ADMIN_SOCKET": folder.path + "/admin",
      ])
      let peer = try TestPeer(.tcp(try relay.port))
      try peer.send("PROXY TCP6 fc00:dead:beef:4dad::0:16 ::1 22 5222\r\n")
      try peer.shakeHands(.taker(1), with: relay)
      let outcome = try Product.control.run(
        ["close", "--circuit", "22", "--admin-socket", folder.path + "/admin"])
      #expect(outcome.out == "closed 1\n")
      try peer.expectClosed()
    }

    @Test("Another user is refused, whatever the mode of the file", .enabled(if: geteuid() == 0))
    func otherUser() throws {
      let harness = try AdminHarness()
      func mode() throws -> mode_t {
        var status = stat()
        guard stat(harness.admin, &status) == 0 else { throw TestFailure("no socket file") }
        return status.st_mode & 0o777
      }
      #expect(try mode() == 0o600)
      let script = """
        import os, socket, sys
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
        client = socket.socket(socket.AF_UNIX)
        try: client.connect(sys.argv[1])
        except PermissionError: print("no permission"); sys.exit(0)
        client.settimeout(10)
        try: client.sendall(b"peers\\n")
        except BrokenPipeError: pass
        print(client.recv(4096).decode())
        """
      func askAsNobody() throws -> String {
        let out = harness.folder.path + "/answer"
        let child = try ChildProcess(
          "/usr/bin/env", ["python3", "-c", script, harness.admin], ["PATH": "/usr/bin:/bin"],
          in: "/", out: out, error: harness.folder.path + "/error")
        try child.waitForExit(within: 20)
        return try String(contentsOfFile: out, encoding: .utf8)
      }
      chmod(harness.folder.path, 0o755)
      #expect(try askAsNobody() == "no permission\n")
      chmod(harness.admin, 0o666)
      let answer = try askAsNobody()
      #expect(answer.contains("only the relay's own user and root"), "\(answer)")
      #expect(!answer.contains("connections"))
      #expect(harness.relay.log.contains("a client of another user was refused"))
    }

    @Test("Clients that are silent, too long or too many harm nobody")
    func hostile() throws {
      let harness = try AdminHarness()
      let peer = try harness.join("near", circuit: 7, .taker(1))
      for line in [
        "x\n", "\n", "\r\n", "peers x\n", "close\n", "close nick\n", "close nick \u{1}\n",
        "close circuit 1:2:3\n", "close circuit +7\n", "close circuit 99999999999\n",
        "GET / HTTP/1.1\r\n", String(repeating: "p", count: 300),
      ] { #expect(try harness.ask(line).hasPrefix(#"{"error": "known are peers"#), "\(line)") }
      let silent = try (0..<8).map { _ in try TestSocket(.unix(harness.admin)) }
      #expect(try harness.ask("peers\n") == "{\"error\": \"too many clients at once\"}\n")
      for socket in silent { socket.close() }
      try eventually("their places are free") {
        try harness.ask("peers\n").hasSuffix("{\"connections\": 1}\n")
      }
      try peer.expectNothing()
    }

    @Test("peers lists 1,000 connections, and the relay serves peers meanwhile")
    func many() throws {
      let harness = try AdminHarness()
      let peers = try (1...1_000).map { number in
        let peer = try TestPeer(.tcp(try harness.relay.port))
        try peer.send(Hello.taker(number).frame)
        return peer
      }
      for peer in peers { try peer.expect(Frames.accepted(by: try harness.relay.nick)) }
      #expect(try groups(harness).count == 1_000)
      try peers[0].expectNothing()
    }

    @Test("A stale file is replaced, a socket in use is an error, and a stop removes the file")
    func file() throws {
      let folder = try TemporaryDirectory()
      let path = folder.path + "/admin"
      let killed = try RelayProcess(["ADMIN_SOCKET": path])
      killed.child.signal(SIGKILL)
      try killed.child.waitForExit()
      #expect(access(path, F_OK) == 0)
      let relay = try RelayProcess(["ADMIN_SOCKET": path])
      #expect(try Product.control.run(["peers", "--admin-socket", path]).status == 0)
      let second = try RelayProcess(["ADMIN_SOCKET": path], isReady: false)
      #expect(try second.child.waitForExit() == 71)
      #expect(second.log.contains("ADMIN_SOCKET: unix:\(path) is in use"))
      let same = try RelayProcess(["ADMIN_SOCKET": path, "LISTEN_UNIX": path], isReady: false)
      #expect(try same.child.waitForExit() == 78)
      #expect(same.log.contains("ADMIN_SOCKET and LISTEN_UNIX are both \(path)"))
      #expect(try relay.stop() == 0)
      #expect(access(path, F_OK) != 0)
      let gone = try Product.control.run(["peers", "--admin-socket", path])
      #expect(gone.status == 1 && gone.error.contains("nothing answers at \(path)"))
      let unset = try Product.control.run(["peers"])
      #expect(unset.status == 1 && unset.error.contains("ADMIN_SOCKET is not set here"))
    }
  }
}
